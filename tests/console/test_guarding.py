"""Who gets the pages: the token, the name in the Host header, the methods, the headers of every answer."""

from __future__ import annotations

import pytest

from tests.console.pages import PATHS, TOKEN, client, entered, state_of

STRICT = {"x-frame-options": "DENY", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
          "cache-control": "no-store", "cross-origin-resource-policy": "same-origin"}  # fmt: skip


@pytest.fixture(scope="module")
def state(whole_run):
    found = state_of(whole_run)
    yield found
    found.close()


@pytest.mark.parametrize("path", PATHS)
def test_no_page_without_the_token(state, path):
    answer = client(state).get(path)
    assert answer.status_code == 403 and "proofward console" in answer.text and "hospital" not in answer.text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "\u00e9"])
def test_a_wrong_token_opens_nothing(state, token):
    asked = client(state)
    assert asked.get("/", params={"token": token}).status_code == 403
    assert not asked.cookies and asked.get("/").status_code == 403


def test_the_token_becomes_a_cookie_that_scripts_do_not_see_and_leaves_the_address(state):
    answer = client(state).get("/", params={"token": TOKEN}, follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert cookie.count("=") == 3, "one cookie, path and policy"


def test_the_cookie_is_another_at_every_start(state):
    first, second = entered(state), client(state)
    second.cookies.update(dict(first.cookies))
    assert second.get("/").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8700", "127.0.0.1.evil.example", "", "[::2]", "localhost.", "0x7f.1"])
def test_another_name_is_refused_whatever_the_token(state, host):
    asked = entered(state)
    assert asked.get("/", headers={"host": host}).status_code == 421
    answer = asked.get("/", params={"token": TOKEN}, headers={"host": host}, follow_redirects=False)
    assert answer.status_code == 421 and "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9", "127.0.0.1:8700"])
def test_any_port_will_do_as_a_tunnel_has_its_own(state, host):
    assert entered(state).get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_is_read_only(state, method):
    assert entered(state).request(method, "/").status_code == 405


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/ledger/999999", "/static/console.js", "/static/../../state.py"])
def test_every_answer_has_the_strict_headers(state, path):
    for answer in (entered(state).get(path), client(state).get(path)):
        assert STRICT.items() <= dict(answer.headers).items()
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_written_into_the_page_that_the_policy_forbids_and_nothing_comes_from_elsewhere(state, path):
    text = entered(state).get(path).text
    for forbidden in (" style=", "<style", "onclick", "javascript:", "//cdn", "https://", TOKEN):
        assert forbidden not in text
    assert text.count("<script") == 1 and '<script src="/static/console.js" defer></script>' in text
    assert 'http://' not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_other_files_of_the_package_are_not_served(state):
    asked = entered(state)
    for path in ("/static/../state.py", "/static/%2e%2e/state.py", "/templates/base.html", "/static/"):
        assert asked.get(path).status_code == 404


def test_what_has_not_changed_is_not_sent_again(state):
    asked = entered(state)
    first = asked.get("/ledger")
    again = asked.get("/ledger", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 204 and not again.content
    assert asked.get("/ledger?page=2", headers={"if-none-match": first.headers["etag"]}).status_code == 200
