// Command stackgate deploys CloudFormation stacks through change sets that people have read. Only wiring: see internal/cli.
package main

import (
	"context"
	"os"

	"stackgate/internal/cli"
)

func main() { os.Exit(cli.Main(context.Background())) }
