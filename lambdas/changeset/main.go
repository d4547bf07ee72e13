// Command changeset is the Lambda function that plans and the one that executes, as STACKGATE_FUNCTION says. It is wiring:
// the steps are in tasks, and what they are made of is in internal/installed.
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
	handler, err := installed.Open(context.Background(), os.Getenv, log, installed.Plan, installed.Execute)
	if err != nil {
		log.Error("start the function", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(handler.Handle)
}
