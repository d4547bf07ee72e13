// Command events is the Lambda function that reads stacks, explains failures, and wakes deployments on stack events and by
// the sweep. It is wiring: the steps are in tasks, and what they are made of is in internal/installed.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"stackgate/internal/installed"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	handler, err := installed.Open(context.Background(), os.Getenv, log, installed.Events)
	if err != nil {
		log.Error("start the function", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(handler.Handle)
}
