// Command infra is the CDK app that installs stackgate. It is wiring: what is made stands in the packages beside it.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"stackgate/infra/installation"
	"stackgate/internal/service"
	"stackgate/services"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "stackgate: synthesize the installation: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	// Before anything of CDK's, which panics without it.
	if _, err := exec.LookPath("node"); err != nil {
		return errors.New("node is not on the PATH: CDK's library runs in Node.js; install Node.js 20 or later and try again")
	}
	defer jsii.Close()
	catalog, err := service.Load(services.Files, "services")
	if err != nil {
		return fmt.Errorf("read the definitions:\n%w", err)
	}
	app := awscdk.NewApp(nil)
	settings, err := installation.ReadSettings(app.Node().TryGetContext(jsii.String("stackgate")))
	if err != nil {
		return err
	}
	assets := "build/lambda"
	if err := checkAssets(assets); err != nil {
		return err
	}
	if err := install(app, settings, catalog.Definitions(), assets); err != nil {
		return err
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)
	app.Synth(nil)
	return nil
}
