package cloud

import (
	"errors"

	"github.com/spf13/cobra"
)

type ParamSpec struct{}

func NewAPICmd() *cobra.Command {
	return &cobra.Command{
		Use:    "api",
		Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("this pulumi was built without the client of Pulumi Cloud's API")
		},
	}
}
