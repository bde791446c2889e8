"""`proofward console`: what it refuses, what it prints, how it ends."""

from __future__ import annotations

import builtins
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from click.testing import CliRunner

from proofward.cli.common.listening import CannotListen, listening
from proofward.cli.main import main
from proofward.console.web.serve import is_local


def said(*arguments: object):
    """Exit code and all output of a call that ends by itself."""
    found = CliRunner().invoke(main, ["console", *map(str, arguments)])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


def test_what_is_neither_kit_nor_run(tmp_path):
    code, text = said(tmp_path)
    assert code == 2 and "no start-up kit" in text and "no run's folder" in text
    assert said(tmp_path / "nothing")[0] == 2


def test_a_taken_port(whole_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, text = said(whole_run, "--port", port)
    assert code == 1 and f"port {port} of 127.0.0.1 cannot be used" in text and "--port 0" in text


@pytest.mark.parametrize(("address", "words"), [
    ("192.0.2.7", "--allow-remote"), ("0.0.0.0", "every address"), ("::", "every address"),
    ("fl.example.org", "expected an IP address"), ("127.0.0.1:80", "expected an IP address"),
])  # fmt: skip
def test_other_machines_reach_it_only_if_that_is_meant(whole_run, address, words):
    code, text = said(whole_run, "--listen", address)
    assert code == 2 and words in text


def test_an_address_that_is_not_of_this_machine(whole_run):
    code, text = said(whole_run, "--listen", "192.0.2.7", "--allow-remote", "--port", 0)
    assert code == 1 and "cannot be used" in text


def test_every_address_is_never_taken_for_all(whole_run):
    assert said(whole_run, "--listen", "0.0.0.0", "--allow-remote")[0] == 2


def test_addresses():
    assert is_local("127.0.0.1") and is_local("127.8.8.8") and is_local("::1") and not is_local("10.0.0.1")
    with pytest.raises(CannotListen, match="--port 0"):
        listening("192.0.2.7", 0, "another console")


def test_without_the_extra(whole_run, monkeypatch):
    original = builtins.__import__

    def missing(name, *arguments, **options):
        if name.split(".")[0] in ("starlette", "uvicorn", "jinja2") or name == "proofward.console.web.serve":
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    code, text = said(whole_run)
    assert code == 2 and "pip install 'proofward[console]'" in text


@pytest.mark.slow
def test_it_prints_where_it_is_serves_and_ends_with_a_sentence(whole_run):
    words = [sys.executable, "-m", "proofward", "console", str(whole_run), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.fullmatch(r"open (http://127\.0\.0\.1:\d+/)\?token=[\w-]{43}\n", first)
        assert found, first
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(found[1])
        assert refused.value.code == 403
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait() == 0
    assert rest.splitlines() == ["Ctrl-C ends it", "the console has ended; what it showed goes on without it"]
