package s3blob

import (
	"context"
	"errors"
	"net/url"

	"gocloud.dev/blob"
)

// Registered, so that the user is told what is missing and not that the scheme is unknown.
func init() { blob.DefaultURLMux().RegisterBucket("s3", leftOut{}) }

type leftOut struct{}

func (leftOut) OpenBucketURL(context.Context, *url.URL) (*blob.Bucket, error) {
	return nil, errors.New("this pulumi was built without S3's driver; use file://")
}
