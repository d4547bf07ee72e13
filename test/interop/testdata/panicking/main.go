// Command panicking is the plan function with a CloudFormation that panics, or the front door with a catalog that does, for
// the test of what Lambda is told then.
package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"stackgate/internal/clock"
	"stackgate/internal/functions"
	"stackgate/internal/installed"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
	"stackgate/services"
)

// broken lists no services.
type broken struct{ *service.Catalog }

func (broken) Services() []service.Service { panic("the catalog is broken") }

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	configuration, err := installed.Configuration()
	if err != nil {
		panic(err)
	}
	catalog, err := service.Load(services.Files, "services")
	if err != nil {
		panic(err)
	}
	if os.Getenv(installed.FunctionVariable) == string(installed.Review) {
		settings, err := installed.ReadSettings(os.Getenv, installed.Review)
		if err != nil {
			panic(err)
		}
		lambda.Start(installed.DoorTo(broken{catalog}, settings, configuration, log, nil).Handle)
	}
	kept := dynamo.New(dynamo.Options{
		Table: dynamodb.NewFromConfig(configuration), TableName: os.Getenv(installed.TableVariable),
		Bucket: s3.NewFromConfig(configuration), BucketName: os.Getenv(installed.BucketVariable), Clock: clock.System{}, Random: rand.Reader,
	})
	handler, err := installed.New(installed.Plan, installed.Components{
		Parts: functions.Parts{
			Store: kept, Registry: catalog, Sender: sfn.NewFromConfig(configuration), Clock: clock.System{},
			CloudFormation: func(context.Context, store.Record) (functions.Client, error) { panic("CloudFormation is broken") },
		},
		Records: kept, Log: log,
	})
	if err != nil {
		panic(err)
	}
	lambda.Start(handler.Handle)
}
