package postgres

import (
	"context"
	"errors"
	"net/url"

	"gocloud.dev/blob"
)

// Registered, so that the user is told what is missing and not that the scheme is unknown.
func init() { blob.DefaultURLMux().RegisterBucket("postgres", leftOut{}) }

type leftOut struct{}

func (leftOut) OpenBucketURL(context.Context, *url.URL) (*blob.Bucket, error) {
	return nil, errors.New("this pulumi was built without PostgreSQL's driver; use file://")
}
