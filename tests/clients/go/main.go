// AWS SDK for Go v2: CRC32 by default, trailers for streams, 100-continue, its transfer manager.
// tests/support/rounds.py says what is done.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	tm "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const odd = "dir/a b+c %2F ümlaut&=?#'😀.txt"

var (
	ctx    = context.Background()
	bucket = aws.String(os.Getenv("S3_BUCKET"))
	client *s3.Client
)

// must hands on a value, or ends the program with the error.
func must[T any](value T, err error) T {
	check(err == nil, "%v", err)
	return value
}

func check(holds bool, why string, arguments ...any) {
	if !holds {
		panic(fmt.Sprintf(why, arguments...))
	}
}

func put(key, body string) *s3.PutObjectOutput {
	return must(client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: &key, Body: strings.NewReader(body),
	}))
}

func get(input s3.GetObjectInput) string {
	input.Bucket = bucket
	answer := must(client.GetObject(ctx, &input))
	defer answer.Body.Close()
	return string(must(io.ReadAll(answer.Body)))
}

func equal(found, wanted string) {
	check(found == wanted, "found %q, not %q", found, wanted)
}

func objects() {
	must(client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket}))
	equal(get(s3.GetObjectInput{Key: aws.String("seed/old+new ü.txt")}), "seeded")
	small := aws.String("dir/small.txt")
	first := put(*small, "first")
	file := must(os.Open("small.txt"))
	defer file.Close()
	must(client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: small, Body: file, ContentType: aws.String("text/plain"),
		Metadata: map[string]string{"from": "go"},
	}))
	equal(get(s3.GetObjectInput{Key: small, VersionId: first.VersionId}), "first")
	equal(get(s3.GetObjectInput{Key: small, Range: aws.String("bytes=2-4")}), "234")
	for _, algorithm := range []types.ChecksumAlgorithm{"CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"} {
		must(client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: bucket, Key: aws.String(odd), Body: strings.NewReader("odd name"),
			ChecksumAlgorithm: algorithm,
		}))
		equal(get(s3.GetObjectInput{Key: aws.String(odd), ChecksumMode: "ENABLED"}), "odd name")
	}
	must(client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: bucket, Key: aws.String("copied"),
		CopySource: aws.String(*bucket + "/" + url.PathEscape(odd)),
	}))
	_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")})
	var missing *types.NoSuchKey
	check(errors.As(err, &missing), "a missing key: %v", err)
	_, err = client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("copied"), IfNoneMatch: aws.String("*"),
	})
	var refused smithy.APIError
	check(errors.As(err, &refused) && refused.ErrorCode() == "PreconditionFailed", "%v", err)
}

// writing shows the transfer manager no more than a stream, whose length it cannot know.
type writing struct{ io.Reader }

func large() {
	big := must(os.ReadFile("big.bin"))
	manager := tm.New(client, func(options *tm.Options) {
		options.PartSizeBytes = 5 << 20
		options.MultipartUploadThreshold = 5 << 20
	})
	key := aws.String("big")
	must(manager.UploadObject(ctx, &tm.UploadObjectInput{
		Bucket: bucket, Key: key, Body: writing{bytes.NewReader(big)},
	}))
	shown := must(client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key}))
	check(strings.HasSuffix(*shown.ETag, `-3"`), "%s", *shown.ETag)
	for _, by := range []string{"PART", "RANGE"} {
		back := must(os.CreateTemp(".", "back"))
		must(manager.DownloadObject(ctx, &tm.DownloadObjectInput{
			Bucket: bucket, Key: key, WriterAt: back,
		}, func(options *tm.Options) {
			if by == "RANGE" {
				options.GetObjectType = "RANGE"
			}
		}))
		check(bytes.Equal(must(os.ReadFile(back.Name())), big), "what came by %s differs", by)
	}
}

func lists() {
	var keys, found []string
	for number := range 7 {
		keys = append(keys, fmt.Sprintf("many/%d +.txt", number))
		put(keys[number], "")
	}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{
		Bucket: bucket, Prefix: aws.String("many/"), MaxKeys: aws.Int32(3),
	})
	for pages.HasMorePages() {
		for _, row := range must(pages.NextPage(ctx)).Contents {
			found = append(found, *row.Key)
		}
	}
	check(slices.Equal(found, keys), "%v", found)
	level := must(client.ListObjects(ctx, &s3.ListObjectsInput{
		Bucket: bucket, Prefix: aws.String("seed/"), Delimiter: aws.String("/"),
	}))
	check(len(level.CommonPrefixes) == 1 && *level.CommonPrefixes[0].Prefix == "seed/deep/", "%v", level)
	var gone []types.ObjectIdentifier
	for _, key := range keys {
		gone = append(gone, types.ObjectIdentifier{Key: aws.String(key)})
	}
	answer := must(client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: bucket, Delete: &types.Delete{Objects: gone},
	}))
	check(len(answer.Deleted) == len(keys), "%v", answer)
}

func send(method, target string, body io.Reader, headers http.Header) *http.Response {
	request := must(http.NewRequest(method, target, body))
	for name, values := range headers {
		request.Header[name] = values
	}
	answer := must(http.DefaultClient.Do(request))
	check(answer.StatusCode == http.StatusOK, "%s by URL: %s", method, answer.Status)
	return answer
}

func urls() {
	signer := s3.NewPresignClient(client)
	key := aws.String("by url")
	up := must(signer.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key}))
	send(up.Method, up.URL, strings.NewReader("by url"), up.SignedHeader).Body.Close()
	down := must(signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key}))
	answer := send(down.Method, down.URL, nil, down.SignedHeader)
	defer answer.Body.Close()
	equal(string(must(io.ReadAll(answer.Body))), "by url")
	must(client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key}))
}

func main() {
	settings := must(config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(1)))
	client = s3.NewFromConfig(settings, func(options *s3.Options) {
		options.BaseEndpoint = aws.String(os.Getenv("S3_ENDPOINT"))
		options.UsePathStyle = true
	})
	objects()
	large()
	lists()
	urls()
}
