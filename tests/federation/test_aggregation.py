"""The result of a round, computed from files into files, equals that on whole arrays.

Nothing is left behind.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from proofward.federation.history.sums import opened_sums
from proofward.federation.history.sums.aggregation import RoundResult, check_aggregate, compute_result
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.storage.ledger_folder import LedgerFolder
from proofward.federation.storage.objects import NewObject, Objects
from proofward.lattice.decoding import SumDecoder, aggregate, centred_secret_sum
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import MODULUS, RING_DEGREE
from proofward.lattice.sampler import MaskContext, uniform_words
from proofward.lattice.shamir import recover, share
from proofward.ledger.keys import SigningKey
from proofward.ledger.note import NoteSigner
from proofward.ledger.objects import ObjectStore
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.fedavg import FedAvg
from proofward.optimizers.fedavgm import FedAvgM
from proofward.optimizers.next_model import ModelRule
from tests.federation.fakes import plan
from tests.federation.harness import Stopped

BEACON, NUMBER, ROWS, THRESHOLD, HOSPITALS = bytes(range(32)), 3, 100, 1, ("a", "b", "c")
BOUND, LIMIT = 1 << 19, 1 << 40
OBJECTS = ("ciphertext_sum", "secret_sum", "update_sum", "model")


def folder(directory: Path) -> LedgerFolder:
    return LedgerFolder(directory, NoteSigner("proofward/test", SigningKey(bytes(32))))


def source(name: str):
    return lambda size: hashlib.shake_256(name.encode()).digest(size)


class Round:
    """A round with recorded uploads and share sums; `told` is all that a history is made of."""

    def __init__(self, directory: Path, length: int) -> None:
        store = ObjectStore(directory / "objects")
        rng = np.random.default_rng(length)
        names = {}
        shares = np.zeros((len(HOSPITALS), RING_DEGREE), object)
        for name in HOSPITALS:
            update = rng.integers(-BOUND + 1, BOUND, length)
            made = encrypt(MaskContext(BEACON, NUMBER), update, BOUND, source(name))
            names[name] = store.put(made.ciphertext.tobytes()).hex()
            secret = np.array([int(value) % MODULUS for value in made.secret], np.uint64)
            coefficients = uniform_words(source(f"{name}/shares"), THRESHOLD * RING_DEGREE)
            shares += share(secret, coefficients.reshape(THRESHOLD, RING_DEGREE), len(HOSPITALS))
        rows = (shares % MODULUS).astype(np.uint64)
        self.told = {
            "length": length,
            "model": store.put(rng.integers(-(1 << 30), 1 << 30, length).tobytes()).hex(),
            "ciphertexts": names,
            "sums": {name: store.put(rows[index].tobytes()).hex() for index, name in enumerate(HOSPITALS)},
            "state": [],
        }


def history_of(told: dict, optimizer: ServerOptimizer | None = None) -> SimpleNamespace:
    ciphertexts = {k: SimpleNamespace(ciphertext=bytes.fromhex(v)) for k, v in told["ciphertexts"].items()}
    said = {k: SimpleNamespace(record=record) for k, record in ciphertexts.items()}
    state = SimpleNamespace(
        committee=HOSPITALS,
        number=NUMBER,
        beacon=BEACON,
        participants=HOSPITALS,
        model=bytes.fromhex(told["model"]),
        accepted=SimpleNamespace(record=SimpleNamespace(hospitals=HOSPITALS)),
        uploads=said,
        share_sums={k: SimpleNamespace(values=bytes.fromhex(v)) for k, v in told["sums"].items()},
    )
    rule = ModelRule(optimizer or FedAvg(), 24, (BOUND // ROWS + 1) << 24, LIMIT)
    config = SimpleNamespace(
        model=SimpleNamespace(parameters=told["length"]),
        threshold=THRESHOLD,
        model_rule=rule,
        optimizer=rule.optimizer,
        weight_shift=lambda most_rows: 0,
        update_rule=lambda rows, shift: SimpleNamespace(weight=rows, bound=BOUND),
        message_bound=lambda rows, shift: BOUND,
    )
    rules = SimpleNamespace(config=config, hospitals=HOSPITALS, holder=HOSPITALS.index, aggregator="aggregator")
    before, rows = tuple(map(bytes.fromhex, told["state"])), dict.fromkeys(HOSPITALS, ROWS)
    own = {"round": state, "counting": None, "rules": rules, "enrolled": rows, "server_state": before}
    return SimpleNamespace(**own, total_rows=ROWS * len(HOSPITALS), most_rows=lambda state: ROWS)


def on_whole_arrays(history: SimpleNamespace, objects: Objects) -> dict[str, bytes]:
    """The objects of the result, by the functions for whole arrays."""
    state, config = history.round, history.rules.config

    def words(digest: bytes) -> np.ndarray:
        return np.frombuffer(bytearray(objects.get(digest)), np.uint64)

    total = aggregate(words(state.uploads[name].record.ciphertext) for name in HOSPITALS)
    shares = {index: words(state.share_sums[name].values) for index, name in enumerate(HOSPITALS)}
    secret = recover(shares, config.threshold).secret
    decoder = SumDecoder(
        MaskContext(BEACON, NUMBER),
        secret,
        hospitals=len(HOSPITALS),
        parameters=config.model.parameters,
        bound=len(HOSPITALS) * BOUND,
    )
    update = decoder.decode(total)
    weights, rule = words(state.model).view(np.int64), config.model_rule
    before = tuple(words(digest).view(np.int64) for digest in history.server_state)
    state = before or rule.first_state(len(weights))
    model, after = rule.following(weights, state, update, ROWS * len(HOSPITALS))
    arrays = (total, centred_secret_sum(secret, len(HOSPITALS)), update, model, *after)
    names = (*OBJECTS, *rule.optimizer.vectors)
    return {name: own.tobytes() for name, own in zip(names, arrays, strict=True)}


@pytest.fixture
def round_of(tmp_path, monkeypatch):
    """A round whose blocks are single ring elements."""
    monkeypatch.setattr(opened_sums, "BLOCK", RING_DEGREE)
    opened = []

    def make(length: int = 2 * RING_DEGREE + 7):
        told = Round(tmp_path / "ledger", length).told
        ledger = folder(tmp_path / "ledger")
        opened.append(ledger)
        return told, ledger, Objects(ledger.objects, "aggregator")

    yield make
    for ledger in opened:
        ledger.close()


def unfinished(ledger: LedgerFolder) -> list[Path]:
    return list(ObjectStore(ledger.directory / "objects").strays())


def refusal_of(history, objects, spool=NewObject):
    with pytest.raises(Refusal) as caught:
        compute_result(history, objects, spool)
    return caught.value.check, caught.value.culprit, caught.value.actual


@pytest.mark.parametrize("length", [1, RING_DEGREE, RING_DEGREE + 1, 3 * RING_DEGREE - 1])
@pytest.mark.parametrize("most_open", [1, 2, 3])
def test_blocks_give_what_whole_arrays_give(round_of, monkeypatch, length, most_open):
    monkeypatch.setattr(opened_sums, "MOST_OPEN", most_open)
    told, ledger, objects = round_of(length)
    history = history_of(told)
    result = compute_result(history, objects, ledger.new_object)
    for name, data in on_whole_arrays(history, objects).items():
        assert ledger.get_object(getattr(result, name)) == data
    assert result.wrong_holders == () and unfinished(ledger) == []
    stored = ObjectStore(ledger.directory / "objects").digests()
    assert compute_result(history, objects) == result
    assert compute_result(history, Objects(ledger.get_object, "aggregator")) == result
    assert compute_result(history, objects, ledger.new_object) == result
    assert ObjectStore(ledger.directory / "objects").digests() == stored


def test_states_go_through_memory_in_blocks_too(round_of):
    """From nothing, and from a state before."""
    told, ledger, objects = round_of()
    rng = np.random.default_rng(9)
    for before in ([], [rng.integers(-(1 << 38), 1 << 38, told["length"])]):
        told["state"] = [ledger.put_object(vector.tobytes()).hex() for vector in before]
        history = history_of(told, FedAvgM())
        result = compute_result(history, objects, ledger.new_object)
        found = [ledger.get_object(digest) for digest in (result.model, *result.server_state)]
        assert found == list(on_whole_arrays(history, objects).values())[3:]
    told["state"][0] = ledger.put_object(bytes(8)).hex()
    assert refusal_of(history_of(told, FedAvgM()), objects)[:2] == ("model", "aggregator")
    assert unfinished(ledger) == []


def test_another_aggregate_is_refused_by_its_field(round_of):
    told, _, objects = round_of()
    history = history_of(told)
    right = compute_result(history, objects)
    for name in OBJECTS:
        said = RoundResult(**{**vars(right), name: bytes(32)}).record(history)
        history.round.aggregate = SimpleNamespace(record=said)
        with pytest.raises(Refusal) as caught:
            check_aggregate(history, objects)
        assert (caught.value.check, caught.value.culprit) == (
            f"aggregate-{name.replace('_', '-')}",
            "aggregator",
        )
    history.round.aggregate = SimpleNamespace(record=right.record(history))
    assert check_aggregate(history, objects) == right


def test_a_wrong_share_sum_is_named_and_too_few_are_refused(round_of):
    told, ledger, objects = round_of()
    right = compute_result(history_of(told), objects)
    told["sums"]["b"] = ledger.put_object(bytes(8 * RING_DEGREE - 1)).hex()
    result = compute_result(history_of(told), objects)
    assert result.wrong_holders == ("b",) and result.model == right.model
    del told["sums"]["a"]
    assert refusal_of(history_of(told), objects)[:2] == ("unmasking", "aggregator")


def test_strange_ciphertexts_are_refused_before_the_unmasking_is_blamed(round_of):
    told, ledger, objects = round_of()
    data = ledger.get_object(bytes.fromhex(told["ciphertexts"]["c"]))
    for strange in (data[:-8], data + bytes(8), data[:-3], data[:-8] + MODULUS.to_bytes(8, "little")):
        told["ciphertexts"]["c"] = ledger.put_object(strange).hex()
        expected = ("ciphertext", "c", f"{len(strange)} other bytes")
        assert refusal_of(history_of(told), objects, ledger.new_object) == expected
        without = {**told, "sums": {"a": told["sums"]["a"]}}
        assert refusal_of(history_of(without), objects, ledger.new_object) == expected
    last, first = data[:-8] + bytes(8), bytes(8) + data[8:]
    for wrong, told_as in ((last, "share sums of a, b, c: "), (first, "another value at entry 0")):
        told["ciphertexts"]["c"] = ledger.put_object(wrong).hex()
        check, culprit, actual = refusal_of(history_of(told), objects, ledger.new_object)
        assert (check, culprit) == ("unmasking", "aggregator") and told_as in actual
    assert unfinished(ledger) == []


def test_models_that_cannot_be_are_refused(round_of):
    told, ledger, objects = round_of()
    weights = np.zeros(told["length"], np.int64)
    weights[-1] = -(1 << 62)
    told["model"] = ledger.put_object(weights.tobytes()).hex()
    with pytest.raises(Refusal, match="weights") as caught:
        compute_result(history_of(told), objects, ledger.new_object)
    assert (caught.value.check, caught.value.culprit) == ("model", "aggregator")
    told["model"] = ledger.put_object(bytes(8)).hex()
    assert refusal_of(history_of(told), objects, ledger.new_object) == ("model", "aggregator", "8 bytes")
    assert unfinished(ledger) == []


@pytest.mark.parametrize("entry", [0, RING_DEGREE, 2 * RING_DEGREE])
def test_damaged_and_missing_objects_are_not_used(round_of, entry):
    told, ledger, objects = round_of()
    for digest in (told["ciphertexts"]["b"], told["model"]):
        path = ledger.object_path(bytes.fromhex(digest))
        good = path.read_bytes()
        path.write_bytes(good[: 8 * entry] + bytes([good[8 * entry] ^ 1]) + good[8 * entry + 1 :])
        assert refusal_of(history_of(told), objects, ledger.new_object)[:2] == ("object-digest", "aggregator")
        path.unlink()
        assert refusal_of(history_of(told), objects, ledger.new_object)[:2] == (
            "object-missing",
            "aggregator",
        )
        path.write_bytes(good)
    assert unfinished(ledger) == []


def test_what_an_interrupted_process_leaves_is_removed_at_the_next_start(tmp_path):
    ledger = folder(tmp_path)
    interrupted = ledger.new_object()
    interrupted.write(b"half of it")
    assert len(unfinished(ledger)) == 1
    ledger.close()
    again = folder(tmp_path)
    assert unfinished(again) == [] and ObjectStore(tmp_path / "objects").digests() == []
    interrupted.discard()
    again.close()


def test_files_become_objects_piece_by_piece(tmp_path):
    ledger, data = folder(tmp_path / "ledger"), os.urandom((1 << 21) + 3)
    (tmp_path / "model").write_bytes(data)
    digest = ledger.put_file(tmp_path / "model")
    assert digest == hashlib.sha256(data).digest() and (tmp_path / "model").read_bytes() == data
    assert ledger.open_object(digest).read() == data
    assert ledger.has_object(digest) and not ledger.has_object(bytes(32))
    ledger.close()


def test_an_aggregator_takes_its_first_model_from_a_file(tmp_path):
    agreed = plan(hospitals=4, verifiers=1, rounds=2, threshold=1)
    weights = np.arange(agreed.config.model.parameters, dtype=np.int64)
    stopped = Stopped(tmp_path / "run", "enrolment", 0, agreed=replace(agreed, initial_weights=weights))
    aggregator, model = stopped.aggregator, tmp_path / "model"
    model.write_bytes(aggregator.objects.get(aggregator.rules.initial_model))
    with_file = partial(Aggregator, aggregator.name, aggregator.key, aggregator.rules, aggregator.ledger)
    assert with_file(model).history.root == aggregator.history.root
    model.write_bytes(b"another")
    with pytest.raises(Refusal, match="model"):
        with_file(model)
    stopped.engine.close()
