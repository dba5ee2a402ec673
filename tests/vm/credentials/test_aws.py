"""AWS Signature Version 4: AWS's own examples, and what botocore 1.4x made of requests as they come from agents."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from yarl import URL

from wapo.vm.credentials.aws import UNSIGNED_PAYLOAD, sign
from wapo.vm.credentials.credential import AwsKey

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
THEN = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
NOW = datetime(2026, 11, 27, 12, 34, 56, tzinfo=UTC)
DYNAMO = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "DynamoDB_20120810.ListTables")]
FORM = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")]
S3 = [("content-type", "text/plain"), ("x-amz-acl", "private")]
EU, US = "eu-central-1", "us-east-1"


@pytest.mark.parametrize(
    ("service", "region", "now", "method", "url", "headers", "body", "token", "names", "signature"),
    [
        ("service", US, THEN, "GET", "https://example.amazonaws.com/", [], b"", None,
         "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("service", US, THEN, "GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", [], b"", None,
         "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("iam", US, THEN, "GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", FORM, b"", None,
         "content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
        ("dynamodb", EU, NOW, "POST", "https://dynamodb.eu-central-1.amazonaws.com/", DYNAMO, b"{}", None,
         "content-type;host;x-amz-date;x-amz-target",
         "66dde823b728e5cf44856615b6c7c421867d3812fb2f49a59a3fc3be6329cfdf"),
        ("execute-api", EU, NOW, "GET",
         "https://abc.execute-api.eu-central-1.amazonaws.com/prod/a%20b/c?z=1&a=%2Fx&b&a=b%20c", [], b"",
         "session/token+x==", "host;x-amz-date;x-amz-security-token",
         "9e4a3c012e74d55b104e8a2f9ea46e357ce6803ba46a00432a6d49b9b2e8e7d3"),
        ("s3", EU, NOW, "PUT",
         "https://bucket.s3.eu-central-1.amazonaws.com/a%20folder/f%2Bile.txt?x-id=PutObject", S3, b"hello", None,
         "content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date",
         "e283dd48da3deb13950ced888de3b95bc346de87334a2a7a2d403dee28365137"),
    ],
)  # fmt: skip
def test_signatures_that_others_made(
    service: str, region: str, now: datetime, method: str, url: str, headers: list[tuple[str, str]], body: bytes,
    token: str | None, names: str, signature: str,
) -> None:  # fmt: skip
    key = AwsKey("AKIDEXAMPLE", SECRET, token, region, service)
    added, made = sign(key, method, URL(url, encoded=True), headers, hashlib.sha256(body).hexdigest(), now)
    assert made == signature
    scope = f"{now:%Y%m%d}/{region}/{service}/aws4_request"
    assert dict(added)["authorization"] == (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    assert dict(added)["x-amz-date"] == f"{now:%Y%m%dT%H%M%SZ}"
    assert dict(added).get("x-amz-security-token") == token


def test_the_time_zone_of_the_node_does_not_matter() -> None:
    key = AwsKey("AKIDEXAMPLE", SECRET, None, EU, "s3")
    url = URL("https://b.s3.amazonaws.com/k")
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9)))
    assert sign(key, "GET", url, [], UNSIGNED_PAYLOAD, NOW) == sign(key, "GET", url, [], UNSIGNED_PAYLOAD, elsewhere)
