"""aiobotocore: botocore's own habits on aiohttp, many requests at a time."""

import asyncio
import io
import os
import urllib.request
from pathlib import Path

from aiobotocore.session import get_session
from botocore.exceptions import ClientError

BUCKET = os.environ["S3_BUCKET"]
ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt"
SMALL = Path("small.txt").read_bytes()
BIG = Path("big.bin").read_bytes()
PART_BYTES = 5 * 1024**2


async def in_parts(client, key, body):
    """Every part at once."""
    upload = (await client.create_multipart_upload(Bucket=BUCKET, Key=key))["UploadId"]

    async def part(number):
        piece = body[(number - 1) * PART_BYTES : number * PART_BYTES]
        sent = await client.upload_part(
            Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=piece
        )
        return {"PartNumber": number, "ETag": sent["ETag"]}

    parts = await asyncio.gather(*map(part, range(1, -(-len(body) // PART_BYTES) + 1)))
    await client.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
    )


async def body_of(client, key, **further):
    answer = await client.get_object(Bucket=BUCKET, Key=key, **further)
    async with answer["Body"] as stream:
        return await stream.read()


async def main():
    async with get_session().create_client("s3", endpoint_url=os.environ["S3_ENDPOINT"]) as client:
        assert await body_of(client, "seed/old+new ü.txt") == b"seeded"
        with io.BytesIO(SMALL) as stream:
            await client.put_object(Bucket=BUCKET, Key="dir/small.txt", Body=stream)
        await client.put_object(Bucket=BUCKET, Key=ODD, Body=b"odd name")
        await client.copy_object(
            Bucket=BUCKET, Key="copied", CopySource={"Bucket": BUCKET, "Key": ODD}
        )
        await in_parts(client, "big", BIG)
        assert await body_of(client, "big") == BIG
        assert await body_of(client, "big", Range="bytes=1048575-1048577") == b"\xff\x00\x01"

        numbers = range(40)
        await asyncio.gather(
            *(client.put_object(Bucket=BUCKET, Key=f"many/{n:02}", Body=b"%d" % n) for n in numbers)
        )
        bodies = await asyncio.gather(*(body_of(client, f"many/{n:02}") for n in numbers))
        assert bodies == [b"%d" % n for n in numbers]
        found = []
        pages = client.get_paginator("list_objects_v2")
        async for page in pages.paginate(
            Bucket=BUCKET, Prefix="many/", PaginationConfig={"PageSize": 7}
        ):
            found += [row["Key"] for row in page["Contents"]]
        assert found == [f"many/{n:02}" for n in numbers], found
        gone = await client.delete_objects(
            Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in found]}
        )
        assert len(gone["Deleted"]) == 40

        url = await client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": ODD})
        with await asyncio.to_thread(urllib.request.urlopen, url) as answer:
            assert answer.read() == b"odd name"
        try:
            await body_of(client, "none")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey"
        else:
            raise AssertionError("a missing key was read")


asyncio.run(main())
