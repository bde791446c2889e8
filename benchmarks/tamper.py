"""Seeded mutants of every byte region of every message type and proof: none accepted, none crashes; as JSON.

python benchmarks/tamper.py [--mutants 20000] [--seed 0] [--smallest]

Every target is judged by the code that judges it in a federation, on the real proof system. Mutants are dealt
in turn to all regions of all targets. Bodies are also mutated under a fresh signature of their sender: what
follows from the ledger is refused even so; where the sender has a choice, nothing may crash. At the end every
target's own bytes must be accepted, so that a judge that refuses everything is noticed. Exit code 1 if a
mutant was accepted, raised anything but a typed refusal, or kept its judge busy for more than five seconds.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from _chain_targets import chain_targets
from _committee_targets import committee_targets
from _counting_targets import counting_targets
from _evaluation_targets import evaluation_targets
from _evidence_targets import evidence_targets
from _live_targets import live_targets
from _machine import print_result, progress
from _private_targets import private_targets
from _reader_targets import reader_targets
from _targets import HALTED, Span, Target, entry_targets

from proofward.federation.messages.records.catalogue import KINDS
from proofward.field.scalar import P

MOST_SECONDS = 5.0
WORDS = (0, 1, P - 1, P, P + 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
Mutation = Callable[[bytes, Span, random.Random], bytes]


def _piece(span: Span, rng: random.Random, longest: int = 32) -> Span:
    """A random piece of a span, at least one byte long."""
    start = rng.randrange(*span)
    return start, min(span[1], start + rng.randint(1, longest))


def _put(data: bytes, piece: Span, content: bytes) -> bytes:
    return data[: piece[0]] + content + data[piece[1] :]


def flip_bit(data: bytes, span: Span, rng: random.Random) -> bytes:
    """One bit."""
    at = rng.randrange(*span)
    return _put(data, (at, at + 1), bytes([data[at] ^ 1 << rng.randrange(8)]))


def set_byte(data: bytes, span: Span, rng: random.Random) -> bytes:
    """One byte, anything."""
    at = rng.randrange(*span)
    return _put(data, (at, at + 1), rng.randbytes(1))


def set_word(data: bytes, span: Span, rng: random.Random) -> bytes:
    """Eight aligned bytes: an extreme or non-canonical element, or the next one."""
    start = span[0] + 8 * rng.randrange(max(1, (span[1] - span[0]) // 8))
    piece = (start, min(start + 8, span[1]))
    old = int.from_bytes(data[slice(*piece)], "little")
    word = rng.choice((*WORDS, (old + 1) % P, (old + P) % (1 << 64)))
    return _put(data, piece, word.to_bytes(8, "little")[: piece[1] - piece[0]])


def overwrite(data: bytes, span: Span, rng: random.Random) -> bytes:
    """Several bytes, anything."""
    piece = _piece(span, rng)
    return _put(data, piece, rng.randbytes(piece[1] - piece[0]))


def clear(data: bytes, span: Span, rng: random.Random) -> bytes:
    """Several bytes to zero."""
    piece = _piece(span, rng)
    return _put(data, piece, bytes(piece[1] - piece[0]))


def delete(data: bytes, span: Span, rng: random.Random) -> bytes:
    """Several bytes left out."""
    return _put(data, _piece(span, rng), b"")


def insert(data: bytes, span: Span, rng: random.Random) -> bytes:
    """Several bytes more."""
    at = rng.randint(*span)
    return _put(data, (at, at), rng.randbytes(rng.randint(1, 32)))


def repeat(data: bytes, span: Span, rng: random.Random) -> bytes:
    """A piece twice."""
    piece = _piece(span, rng)
    return _put(data, piece, 2 * data[slice(*piece)])


def copy(data: bytes, span: Span, rng: random.Random) -> bytes:
    """A piece of anywhere over a piece of the region."""
    piece = _piece(span, rng)
    source = rng.randrange(len(data))
    return _put(data, piece, data[source : source + piece[1] - piece[0]])


def cut(data: bytes, span: Span, rng: random.Random) -> bytes:
    """All from a place of the region on left out."""
    return data[: rng.randrange(*span)]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bit, set_byte, set_word, overwrite, clear, delete, insert, repeat, copy, cut,
)  # fmt: skip


def mutate(target: Target, region: str, rng: random.Random) -> tuple[str, bytes]:
    """A mutation's name and bytes that differ from the target's."""
    spans = target.regions[region]
    while True:
        span = rng.choices(spans, weights=[stop - start for start, stop in spans])[0]
        mutation = rng.choice(MUTATIONS)
        mutant = mutation(target.data, span, rng)
        if mutant != target.data:
            return mutation.__name__, mutant


def attack(targets: list[Target], mutants: int, seed: int) -> dict[str, object]:
    """All figures; a finding names target, region, mutation and number, which with the seed repeat it."""
    places = [(target, region) for target in targets for region in target.regions]
    counts: Counter[str] = Counter()
    spent: dict[str, float] = defaultdict(float)
    reasons: dict[str, Counter[str]] = {target.name: Counter() for target in targets}
    accepted: list[dict[str, object]] = []
    crashed: list[dict[str, object]] = []
    slow: list[dict[str, object]] = []
    longest: dict[str, float] = defaultdict(float)
    for number in range(mutants):
        target, region = places[number % len(places)]
        name, mutant = mutate(target, region, random.Random(f"{seed}/{number}"))
        finding = {"number": number, "target": target.name, "region": region, "mutation": name}
        start, worked = time.perf_counter(), time.process_time()
        try:
            reason = target.judge(mutant)
        except Exception as error:  # whatever is no typed refusal is what this looks for
            crashed.append({**finding, "error": f"{type(error).__name__}: {error}"[:300]})
            reason = "crash"
        worked = time.process_time() - worked
        spent[target.name] += time.perf_counter() - start
        longest[target.name] = max(longest[target.name], worked)
        if worked > MOST_SECONDS:
            slow.append({**finding, "processor_seconds": round(worked, 1)})
        counts[target.name] += 1
        if reason is None and target.free:
            reason = "nobody: another word of its signer"
        if reason is None:
            accepted.append(finding)
        reasons[target.name][reason or "accepted"] += 1
        if (number + 1) % 2000 == 0:
            progress({"mutants": number + 1, "accepted": len(accepted), "crashed": len(crashed)})
    stopped = sum(
        count for own in reasons.values() for reason, count in own.items() if reason.startswith(HALTED)
    )
    unaccepted = [target.name for target in targets if target.judge(target.data) is not None]
    return {
        "mutants": mutants,
        "seed": seed,
        "byte_regions": len(places),
        "accepted": accepted,
        "crashed": crashed,
        "too_slow": slow,
        "originals_refused": unaccepted,
        "stopped_a_member": stopped,
        "targets": {
            target.name: {
                "bytes": len(target.data),
                "regions": len(target.regions),
                "mutants": counts[target.name],
                "milliseconds_each": round(1e3 * spent[target.name] / max(1, counts[target.name]), 2),
                "longest_milliseconds": round(1e3 * longest[target.name], 2),
                "refused_by": dict(reasons[target.name].most_common()),
            }
            for target in targets
        },
    }


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smallest", action="store_true", help="1,000 mutants, more than regions")
    options = parser.parse_args()
    if options.mutants < 1:
        parser.error("--mutants must be at least 1")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        targets = [*entry_targets(Path(folder) / "entries"), *live_targets(Path(folder) / "live")]
        kinds = {target.name.partition(": ")[2] for target in targets}
        targets += counting_targets(Path(folder) / "counting", kinds)
        targets += evaluation_targets(Path(folder) / "evaluation")
        targets += private_targets(Path(folder) / "private", kinds)
        targets += evidence_targets(Path(folder) / "evidence", kinds)
        targets += chain_targets(Path(folder) / "chain", kinds)
        targets += committee_targets(Path(folder) / "committees", kinds)
        targets += reader_targets(Path(folder) / "readers")
        missing = sorted(set(KINDS) - {target.name.partition(": ")[2] for target in targets})
        figures = attack(targets, 1000 if options.smallest else options.mutants, options.seed)
    seconds = round(time.perf_counter() - started, 1)
    print_result("tamper", **figures, kinds_without_target=missing, seconds=seconds)
    if figures["mutants"] < figures["byte_regions"]:
        parser.error(f"expected a mutant for each of {figures['byte_regions']} regions at least")
    failed = ("accepted", "crashed", "too_slow", "originals_refused", "stopped_a_member")
    if missing or any(figures[name] for name in failed):
        sys.exit(1)


if __name__ == "__main__":
    main()
