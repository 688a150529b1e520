package gcsblob

import (
	"context"
	"errors"
	"net/url"

	"gocloud.dev/blob"
)

const Scheme = "gs"

// Registered, so that the user is told what is missing and not that the scheme is unknown.
func init() { blob.DefaultURLMux().RegisterBucket(Scheme, leftOut{}) }

type leftOut struct{}

func (leftOut) OpenBucketURL(context.Context, *url.URL) (*blob.Bucket, error) {
	return nil, errors.New("this pulumi was built without Google's driver; use file://")
}
