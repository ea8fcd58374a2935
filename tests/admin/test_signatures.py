"""Everything but health and metrics is signed, body and all."""

from __future__ import annotations

import shutil
import subprocess

import httpx
import pytest
from api import Api, error_of
from botocore.auth import HmacV1Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway
from raw import presigned

OPENAPI = "/-/api/openapi.json"


def test_openapi_describes_every_route_with_its_answer(api: Api) -> None:
    document = api.send("GET", OPENAPI).json()
    assert document["info"]["title"] == "labelgate"
    for path, methods in document["paths"].items():
        assert path.startswith("/-/api/v1")
        for operation in methods.values():
            assert operation["description"]
            assert {"4XX", "5XX"} <= operation["responses"].keys()
            good = operation["responses"].get("200") or operation["responses"].get("201")
            assert "204" in operation["responses"] or good["content"]["application/json"]["schema"]


def test_nothing_that_openapi_names_answers_without_a_signature(api: Api) -> None:
    paths = api.send("GET", OPENAPI).json()["paths"]
    routes = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    assert len(routes) > 10
    for method, path in [*routes, ("GET", OPENAPI), ("GET", "/-/nothing"), ("GET", "/-/healthz/")]:
        response = httpx.request(method, api.url + path, trust_env=False)
        assert response.status_code == 403, (method, path)
        assert error_of(response)["code"] == "AccessDenied"


def test_there_are_no_pages_that_load_from_elsewhere(api: Api) -> None:
    for path in ("/-/docs", "/-/redoc", "/docs", "/redoc"):
        assert api.send("GET", path).status_code in {403, 404}


def test_a_body_that_is_not_the_signed_one_is_refused(api: Api) -> None:
    response = api.send(
        "POST", "/-/api/v1/repos", body=b'{"repo": "good1"}', sent=b'{"repo": "evil1"}'
    )
    assert response.status_code == 400
    assert error_of(response)["code"] == "XAmzContentSHA256Mismatch"
    assert "evil1" not in str(api.get("/repos").json())


def test_a_body_that_is_not_signed_is_refused(gateway: LiveGateway, api: Api) -> None:
    target = presigned(gateway, "POST", "/-/api/v1/repos")
    response = httpx.post(gateway.url + target, content=b'{"repo": "evil2"}', trust_env=False)
    assert response.status_code == 400
    assert error_of(response)["code"] == "InvalidRequest"
    assert "evil2" not in str(api.get("/repos").json())


def test_a_presigned_address_can_be_read(gateway: LiveGateway) -> None:
    target = presigned(gateway, "GET", "/-/api/v1/repos")
    assert httpx.get(gateway.url + target, trust_env=False).status_code == 200


def test_the_older_signature_is_not_taken(gateway: LiveGateway) -> None:
    request = AWSRequest("GET", f"{gateway.url}/-/api/v1/repos")
    HmacV1Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)).add_auth(request)
    headers = dict(request.headers.items())
    response = httpx.get(f"{gateway.url}/-/api/v1/repos", headers=headers, trust_env=False)
    assert response.status_code == 403
    assert "Version 4" in error_of(response)["message"]


def test_a_wrong_secret_is_refused_and_counted(api: Api, gateway: LiveGateway) -> None:
    counted = gateway.metric("labelgate_auth_failures_total", reason="SignatureDoesNotMatch")
    response = Api(api.url, api.access, "wrong").get("/repos")
    assert response.status_code == 403
    assert error_of(response)["code"] == "SignatureDoesNotMatch"
    reason = "SignatureDoesNotMatch"
    assert gateway.metric("labelgate_auth_failures_total", reason=reason) == counted + 1


def test_an_unknown_key_is_refused(api: Api) -> None:
    response = Api(api.url, "LGNOBODY", api.secret).get("/repos")
    assert error_of(response)["code"] == "InvalidAccessKeyId"


def test_a_body_larger_than_any_the_api_takes_is_refused(api: Api) -> None:
    response = api.post("/repos", {"repo": "x" * 70_000})
    assert response.status_code == 413
    assert error_of(response)["code"] == "BodyTooLarge"


def test_a_query_that_is_not_utf8_is_refused(api: Api) -> None:
    response = httpx.get(f"{api.url}/-/api/v1/repos?a=%ff", trust_env=False)
    assert response.status_code == 400
    assert error_of(response)["code"] == "InvalidURI"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_signs_what_the_api_takes(gateway: LiveGateway) -> None:
    made = subprocess.run(
        [
            *("curl", "-sS", "--aws-sigv4", "aws:amz:us-east-1:s3"),
            *("--user", f"{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}"),
            f"{gateway.url}/-/api/v1/repos",
        ],
        capture_output=True,
        check=True,
    )
    assert b'"repos"' in made.stdout


def test_whom_the_server_takes_the_caller_for(api: Api) -> None:
    response = api.get("")
    assert response.json()["account"] == "default"
    assert response.json()["key_name"] == "environment"
    assert response.headers["cache-control"] == "no-store"
