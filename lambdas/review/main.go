// Command review is the Lambda function of the front door, behind an HTTP API that authorizes by IAM. It is wiring: what it
// answers is in internal/web, and what that is made of is in internal/installed.
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
	door, err := installed.OpenDoor(context.Background(), os.Getenv, log)
	if err != nil {
		log.Error("start the function", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(door.Handle)
}
