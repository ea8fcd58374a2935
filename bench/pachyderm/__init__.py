"""The Pachyderm store beside Pachyderm's own S3 gateway, on the same pachd."""
