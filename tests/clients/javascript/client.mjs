// AWS SDK for JavaScript v3 on Node.js: streams in aws-chunked bodies with CRC trailers, parts side
// by side, paginators, presigned URLs, a form's policy. tests/support/rounds.py says what is done.

import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";

import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  paginateListObjectsV2,
  waitUntilObjectExists,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const Bucket = process.env.S3_BUCKET;
const ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt";
const client = new S3Client({
  endpoint: process.env.S3_ENDPOINT,
  forcePathStyle: true,
  maxAttempts: 1,
});

const put = (Key, Body, further = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body, ...further }));
const get = async (Key, further = {}) => {
  const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...further }));
  return answer.Body.transformToString("latin1");
};

async function objects() {
  await client.send(new HeadBucketCommand({ Bucket }));
  assert.equal(await get("seed/old+new ü.txt"), "seeded");
  const first = await put("dir/small.txt", "first");
  await put("dir/small.txt", createReadStream("small.txt"), {
    ContentLength: 10, // of a stream, which is sent in chunks with a trailer
    Metadata: { from: "javascript" },
  });
  assert.equal(await get("dir/small.txt", { VersionId: first.VersionId }), "first");
  assert.equal(await get("dir/small.txt", { Range: "bytes=2-4" }), "234");
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"]) {
    await put(ODD, "odd name", { ChecksumAlgorithm });
    assert.equal(await get(ODD, { ChecksumMode: "ENABLED" }), "odd name");
  }
  const CopySource = `${Bucket}/${encodeURIComponent(ODD)}`;
  await client.send(new CopyObjectCommand({ Bucket, Key: "copied", CopySource }));
  await waitUntilObjectExists({ client, maxWaitTime: 20 }, { Bucket, Key: "copied" });
  await assert.rejects(get("none"), NoSuchKey);
  await assert.rejects(
    put("copied", "over", { IfNoneMatch: "*" }),
    (error) => error instanceof S3ServiceException && error.name === "PreconditionFailed",
  );
}

async function large() {
  const upload = new Upload({
    client,
    params: { Bucket, Key: "big", Body: createReadStream("big.bin") },
    partSize: 5 * 1024 ** 2,
    queueSize: 3,
  });
  await upload.done();
  const shown = await client.send(new HeadObjectCommand({ Bucket, Key: "big" }));
  assert.match(shown.ETag, /-3"$/);
  assert.equal(await get("big"), readFileSync("big.bin", "latin1"));
}

async function lists() {
  const keys = Array.from({ length: 7 }, (_, number) => `many/${number} +.txt`);
  await Promise.all(keys.map((key) => put(key, "")));
  const found = [];
  for await (const page of paginateListObjectsV2(
    { client, pageSize: 3 },
    { Bucket, Prefix: "many/", EncodingType: "url" },
  )) {
    found.push(...page.Contents.map((row) => decodeURIComponent(row.Key.replaceAll("+", " "))));
  }
  assert.deepEqual(found, keys);
  const level = await client.send(
    new ListObjectsCommand({ Bucket, Prefix: "seed/", Delimiter: "/" }),
  );
  assert.deepEqual(level.CommonPrefixes, [{ Prefix: "seed/deep/" }]);
  const gone = await client.send(
    new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }),
  );
  assert.equal(gone.Deleted.length, keys.length);
}

async function urls() {
  const where = { Bucket, Key: "by url" };
  const up = await getSignedUrl(client, new PutObjectCommand(where), { expiresIn: 300 });
  assert.equal(await (await fetch(up, { method: "PUT", body: "by url" })).text(), "");
  const down = await getSignedUrl(client, new GetObjectCommand(where), { expiresIn: 300 });
  assert.equal(await (await fetch(down)).text(), "by url");
  await client.send(new DeleteObjectCommand(where));

  const { url, fields } = await createPresignedPost(client, {
    Bucket,
    Key: "by form/${filename}",
    Conditions: [["content-length-range", 1, 10]],
  });
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", new Blob(["by form"]), "name.txt");
  assert.equal((await fetch(url, { method: "POST", body: form })).status, 204);
  assert.equal(await get("by form/name.txt"), "by form");
  await client.send(new DeleteObjectCommand({ Bucket, Key: "by form/name.txt" }));
}

await objects();
await large();
await lists();
await urls();
