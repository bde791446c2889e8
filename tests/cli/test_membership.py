"""`proofward revoke` and `proofward rotate-key`: beside a site that runs, and what comes of them."""

from __future__ import annotations

import stat

import pytest
from click.testing import CliRunner

from proofward.cli.main import main
from proofward.engines.remote.agreement.home import NEXT_KEY, Home
from proofward.engines.remote.agreement.request_files import MAX_REASON, REQUESTS
from proofward.engines.remote.agreement.requests import (
    followed,
    make_next_key,
    pending_revocations,
    request_revocation,
)
from proofward.federation.messages.randomness import SeededRandomness
from proofward.ledger.keys import SigningKey
from tests.cli.test_enrol import furnish
from tests.engines.remote_harness import AUDITOR, SEED, SERVER, Consortium, agreement, set_up

pytestmark = pytest.mark.slow

KIT = "hospital-0"


@pytest.fixture
def root(tmp_path):
    set_up(tmp_path, agreement())
    furnish(tmp_path)
    return tmp_path


def folder_of(root, site: str, member: str):
    return Home(root / site / "home").member(member)


def test_a_request_is_kept_once(proofward, root):
    arguments = ("revoke", root / AUDITOR, "hospital-1", "--yes", "--reason", "it has left us")
    refused = proofward.json(*(word for word in arguments if word != "--yes"))
    assert (refused["exit"], refused["did"]) == (1, "refused")
    assert "2 hospitals are left, the rules ask for 3" in refused["reason"]
    assert pending_revocations(folder_of(root, AUDITOR, "verifier-3")) == []
    said = proofward.json(*arguments)
    assert (said["exit"], said["did"], said["by"]) == (0, "asked", "verifier-3")
    folder = folder_of(root, AUDITOR, "verifier-3")
    assert pending_revocations(folder) == [("hospital-1", "it has left us")]
    again = proofward.json(*arguments[:-1], "another")
    assert (again["exit"], again["did"]) == (0, "nothing")
    assert pending_revocations(folder) == [("hospital-1", "it has left us")]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder / REQUESTS).iterdir()}
    assert modes == {0o600} and stat.S_IMODE((folder / REQUESTS).stat().st_mode) == 0o700
    assert not (folder / "state.sqlite").exists()


@pytest.mark.parametrize(
    ("answer", "code", "asked"),
    [("y\n", 0, True), ("n\n", 1, False), ("\n", 1, False), ("", 1, False)],
    ids=["yes", "no", "enter", "end of input"],
)
def test_a_revocation_that_ends_the_federation_is_asked_about(root, answer, code, asked):
    words = ["revoke", str(root / AUDITOR), "hospital-1", "--reason", "it has left us"]
    result = CliRunner().invoke(main, words, input=answer)
    assert result.exit_code == code, result.output
    assert "this revocation ends the federation: 2 hospitals are left, the rules ask for 3" in result.stderr
    assert "Ask all the same? [y/N]" in result.stderr
    pending = pending_revocations(folder_of(root, AUDITOR, "verifier-3"))
    assert pending == ([("hospital-1", "it has left us")] if asked else [])
    if answer == "n\n":
        assert "--yes asks all the same" in result.stderr


def test_no_question_where_the_federation_goes_on(root):
    words = ["revoke", str(root / AUDITOR), "verifier-0", "--reason", "it has left us"]
    result = CliRunner().invoke(main, words, input="")
    assert result.exit_code == 0 and "Ask all the same" not in result.stderr, result.output


def test_who_asks(proofward, root):
    both = proofward("revoke", root / KIT, KIT, "--reason", "we leave")
    assert both.exit_code == 1 and "--as" in both.stderr and "hospital-0, verifier-0" in both.stderr
    own = proofward("revoke", root / KIT, KIT, "--reason", "we leave", "--as", KIT, "--yes")
    assert own.exit_code == 0 and "is final" in own.stdout
    vote = proofward("revoke", root / KIT, "hospital-1", "--reason", "gone", "--yes")
    assert vote.exit_code == 0 and "needs 3 verifiers" in vote.stdout
    other = proofward("revoke", root / KIT, "hospital-2", "--reason", "gone", "--as", KIT)
    assert other.exit_code == 1 and "hospital-0 is none of this kit's members that may" in other.stderr
    server = proofward("revoke", root / SERVER, "hospital-2", "--reason", "gone")
    assert server.exit_code == 1 and "no member of this kit may" in server.stderr


@pytest.mark.parametrize("member", ["aggregator", "nobody", "../hospital-1", ""])
def test_whom_nobody_can_revoke(proofward, root, member):
    result = proofward("revoke", root / AUDITOR, member, "--reason", "gone")
    assert result.exit_code == 1 and "no hospital or verifier" in result.stderr
    assert pending_revocations(folder_of(root, AUDITOR, "verifier-3")) == []


@pytest.mark.parametrize("reason", ["", "  ", "x" * (MAX_REASON + 1)])
def test_reasons(proofward, root, reason):
    assert proofward("revoke", root / AUDITOR, "hospital-1", "--reason", reason).exit_code == 2
    assert proofward("revoke", root / AUDITOR, "hospital-1").exit_code == 2
    with pytest.raises(ValueError, match="reason"):
        request_revocation(root, "hospital-1", reason.strip())


def test_what_is_no_request_is_passed_over(tmp_path):
    assert pending_revocations(tmp_path) == []
    request_revocation(tmp_path, "b", "gone")
    good = (tmp_path / REQUESTS / "revoke-b").read_bytes()
    for name, data in (
        ("revoke-a", good), ("revoke-c", b""), ("revoke-d", b"[" * 5000), ("revoke-e", b"\xff"),
        ("revoke-f", b'{"member": "f", "reason": 3}'), ("revoke-g", b'{"member": "g", "reason": ""}'),
        (".revoke-b.tmp", good), ("other", good), ("revoke-h", b'{"member": "h", "reason": "' + b"x" * 9000),
    ):  # fmt: skip
        (tmp_path / REQUESTS / name).write_bytes(data)
    (tmp_path / REQUESTS / "revoke-i").mkdir()
    assert pending_revocations(tmp_path) == [("b", "gone")]
    assert request_revocation(tmp_path, "c", "gone") and len(pending_revocations(tmp_path)) == 2


def test_each_next_key_is_another(tmp_path):
    set_up(tmp_path, agreement())
    home = Home(tmp_path / KIT / "home")
    first = home.key(KIT)
    second = make_next_key(home, KIT, None, first)
    assert make_next_key(home, KIT, None, first).public == second.public
    (home.member(KIT) / NEXT_KEY).unlink()
    third = make_next_key(home, KIT, None, second)
    seeded = SigningKey.generate(SeededRandomness(SEED, KIT).source("identity", b""))
    assert first.public == seeded.public and len({first.public, second.public, third.public}) == 3


def test_keys_change_in_a_federation_and_change_again(proofward, tmp_path):
    with Consortium(tmp_path, agreement(rounds=3)) as running:
        furnish(tmp_path)
        kit, home = tmp_path / KIT, Home(tmp_path / KIT / "home")
        running.start()
        running.until(lambda: running.phase("upload"))
        running.stop("hospital-1")  # for which the others wait
        several = proofward("rotate-key", kit)
        assert several.exit_code == 1 and "--member" in several.stderr
        server = proofward("rotate-key", tmp_path / SERVER)
        assert server.exit_code == 1 and "no member of this kit can change" in server.stderr
        keys = [home.key(KIT).public.raw]
        for options in ((), ("--another",)):
            said = proofward.json("rotate-key", kit, "--member", KIT, *options)
            assert (said["exit"], said["did"], said["in_force"]) == (0, "made", False), said
            again = proofward.json("rotate-key", kit, "--member", KIT, *options)
            assert (again["did"], again["next"]) == ("nothing", said["next"])
            assert "a new key, " in proofward("status", kit).stdout
            key = home.next_key(KIT)
            assert key is not None and key.public.fingerprint == said["next"]
            keys.append(key.public.raw)
            running.stop(KIT)
            running.start(KIT)
            running.until(
                lambda: followed(home.member(KIT), running.host.aggregator.rules).keys[KIT] == keys[-1]
            )
            in_force = proofward.json("rotate-key", kit, "--member", KIT)
            assert (in_force["did"], in_force["key"]) == ("nothing", said["next"]) and in_force["in_force"]
            assert home.next_key(KIT) is None and "a new key" not in proofward("status", kit).stdout
        assert len(set(keys)) == 3
        running.start("hospital-1")
        running.join()
        closed = proofward("rotate-key", kit, "--member", KIT)
        assert closed.exit_code == 1 and "closed" in closed.stderr
        assert running.audit() == []


def test_a_site_that_runs_picks_up_a_revocation(proofward, tmp_path):
    with Consortium(tmp_path, agreement(hospitals=4, verifiers=5, rounds=3)) as running:
        furnish(tmp_path)
        running.start()
        running.until(lambda: running.phase("upload"))
        assert proofward("revoke", tmp_path / KIT, KIT, "--reason", "we leave", "--as", KIT, "--yes").exit_code == 0
        running.until(lambda: KIT in running.host.aggregator.history.revoked)
        running.join("hospital-1", "hospital-2", "hospital-3", AUDITOR)
        again = proofward("revoke", tmp_path / AUDITOR, KIT, "--reason", "gone")
        assert again.exit_code == 1 and ("closed" in again.stderr or "already" in again.stderr)
        assert running.audit() == []
