"""Addresses that are none are wrong use, whichever command they are given to."""

from __future__ import annotations

import pytest

from proofward.cli.common.addresses import is_web_address

JUNK = ("junk", "ftp://one.example", "http://", "https://one example", "http://one.example:99999", "http://one:x", "//one",
        "http://[::1", "http://[junk]", "http://one\n.example", "http://-", "http://one:0")  # fmt: skip


@pytest.mark.parametrize("text", JUNK)
def test_what_is_no_address(text: str) -> None:
    assert not is_web_address(text, whole=False) and not is_web_address(text, whole=True)


@pytest.mark.parametrize("text", ["http://one", "https://one.example:8710/path/", "http://127.0.0.1:9", "http://[::1]:80"])
def test_what_is_one(text: str) -> None:
    assert is_web_address(text, whole=False) and is_web_address(f"{text}?key=1", whole=True)
    assert not is_web_address(f"{text}?key=1", whole=False)


@pytest.mark.parametrize(
    "asked",
    [
        ("timestamp", "stamp", "FOLDER", "--to", "FOLDER/f", "--calendar", "junk"),
        ("timestamp", "upgrade", "FOLDER", "FILE", "--calendar", "junk"),
        ("witness", "ask", "FOLDER", "--witness", "junk", "VKEY", "--to", "FOLDER/f"),
        ("witness", "serve", "FOLDER/k", "--name", "w", "--log", "x", "--listen", "junk"),
        ("chain", "deploy", "FOLDER", "--key", "FILE", "--rpc", "junk"),
        ("chain", "anchor", "FOLDER", "--key", "FILE", "--rpc", "junk"),
        ("chain", "status", "FOLDER", "--rpc", "junk"),
        ("chain", "verify", "FOLDER", "--rpc", "junk"),
        ("audit", "FOLDER", "--rpc", "junk"),
    ],
    ids=lambda asked: " ".join(asked[:2]),
)
def test_a_command_says_what_it_expects_of_one(proofward, tmp_path, asked: tuple[str, ...]) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    said = [part.replace("FOLDER", str(tmp_path)).replace("FILE", str(file)) for part in asked]
    result = proofward(*said)
    words = " ".join(result.stderr.split())
    assert result.exit_code == 2 and "expected an" in words and "found 'junk'" in words
    document = proofward.json(*said) if asked[1] != "serve" else {"exit": 2, "error": "expected an"}
    assert document["exit"] == 2 and "expected an" in document["error"]
