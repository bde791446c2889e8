"""Secure aggregation: seconds and bytes to encrypt, add, share, seal and unmask, as JSON.

python benchmarks/secure_aggregation.py [--parameters 10000 ...] [--hospitals 5 ...] [--smallest]

Every hospital's update is encrypted and added for real, one at a time, so memory holds one ciphertext and
one sum. Each hospital shares its key among all hospitals with threshold floor(n/2); `--sealing` hospitals
also seal their shares, and the mean of those is reported. Unmasking recovers the sum of the keys from all n
sums of shares, of which one is wrong and must be named, and decodes the sum, which must equal the sum of the
updates.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time

import numpy as np
from _machine import peak_memory, print_result, progress, reset_peak_memory

from proofward.lattice import sealing, shamir
from proofward.lattice.decoding import CiphertextSum, decode
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import MODULUS, RING_DEGREE, ciphertext_length
from proofward.lattice.ring import Words
from proofward.lattice.sampler import MaskContext, uniform_words

PARAMETERS = (10_000, 1_000_000, 10_000_000)
HOSPITALS = (5, 50, 500)
BOUND = (1 << 19) - 1


def seal_and_open(shares: Words, dealer: int) -> tuple[float, int]:
    """Seconds to seal one dealer's shares to all holders and open them again, and the bytes sent."""
    sent, seconds = 0, 0.0
    for holder, share in enumerate(shares):
        pair = sealing.Pair(bytes(32), 1, 0, f"hospital-{dealer}", f"hospital-{holder}")
        secret = sealing.pair_secret(bytes(32), pair)
        key = sealing.public_key(secret)
        start = time.perf_counter()
        sealed = sealing.seal(pair, key, share.tobytes())
        opened = sealing.open_sealed(pair, secret, sealed)
        seconds += time.perf_counter() - start
        if opened != share.tobytes():
            raise RuntimeError("a sealed share did not open to itself")
        sent += len(sealed)
    return seconds, sent


def measure(parameters: int, hospitals: int, sealing_hospitals: int) -> dict[str, object]:
    """One combination; raises if the sum is not decoded exactly or the wrong share is not named."""
    reset_peak_memory()
    context, threshold = MaskContext(hashlib.sha256(b"benchmark").digest(), 1), hospitals // 2
    rng = np.random.default_rng(parameters + hospitals)
    running, expected = CiphertextSum(ciphertext_length(parameters)), np.zeros(parameters, np.int64)
    share_sums = np.zeros((hospitals, RING_DEGREE), np.uint64)
    seconds = dict.fromkeys(("encrypt", "aggregate", "share", "seal_and_open", "recover_key", "unmask"), 0.0)
    sealed_bytes = 0
    for hospital in range(hospitals):
        update = rng.integers(-BOUND, BOUND + 1, parameters)
        expected += update
        start = time.perf_counter()
        encryption = encrypt(context, update, BOUND, os.urandom)
        encrypted = time.perf_counter()
        running.add(encryption.ciphertext)
        added = time.perf_counter()
        stream = hashlib.shake_256(os.urandom(32)).digest
        coefficients = uniform_words(stream, threshold * RING_DEGREE).reshape(threshold, RING_DEGREE)
        secret = encryption.secret.astype(np.int64)
        shares = shamir.share(
            np.where(secret < 0, MODULUS - 1, secret).astype(np.uint64), coefficients, hospitals
        )
        shared = time.perf_counter()
        seconds["encrypt"] += encrypted - start
        seconds["aggregate"] += added - encrypted
        seconds["share"] += shared - added
        if hospital < sealing_hospitals:
            spent, sealed_bytes = seal_and_open(shares, hospital)
            seconds["seal_and_open"] += spent
        total = CiphertextSum(share_sums.size)
        total.total = share_sums.reshape(-1)
        total.add(shares.reshape(-1))
    start = time.perf_counter()
    received = {holder: share_sums[holder] for holder in range(hospitals)}
    liar = hospitals - 1
    received[liar] = received[liar].copy()
    received[liar][0] ^= np.uint64(1)
    recovered = shamir.recover(received, threshold)
    key_recovered = time.perf_counter()
    decoded = decode(
        context, running.total, recovered.secret,
        hospitals=hospitals, parameters=parameters, bound=hospitals * BOUND,
    )  # fmt: skip
    end = time.perf_counter()
    if recovered.wrong != (liar,) or not np.array_equal(decoded, expected):
        raise RuntimeError("the sum was not recovered exactly, or the wrong share was not named")
    for step in ("encrypt", "aggregate", "share"):
        seconds[step] /= hospitals
    seconds["seal_and_open"] /= min(sealing_hospitals, hospitals)
    seconds["recover_key"], seconds["unmask"] = key_recovered - start, end - key_recovered
    return {
        "parameters": parameters,
        "hospitals": hospitals,
        "threshold": threshold,
        "seconds_per_hospital": {k: seconds[k] for k in ("encrypt", "aggregate", "share", "seal_and_open")},
        "seconds_once": {k: seconds[k] for k in ("recover_key", "unmask")},
        "encrypted_parameters_per_second": parameters / seconds["encrypt"],
        "bytes_per_hospital": {
            "ciphertext": 8 * ciphertext_length(parameters),
            "sealed_shares": sealed_bytes,
            "pair_keys": hospitals * sealing.PUBLIC_KEY_BYTES,
            "share_sum": 8 * RING_DEGREE,
        },
        "peak_memory_bytes": peak_memory(),
    }


def main() -> None:
    """Prints one JSON document; each result also goes to standard error as soon as it is there."""
    parser = argparse.ArgumentParser(description="Seconds and bytes of secure aggregation, as JSON.")
    parser.add_argument("--parameters", type=int, nargs="+", default=list(PARAMETERS))
    parser.add_argument("--hospitals", type=int, nargs="+", default=list(HOSPITALS))
    parser.add_argument("--sealing", type=int, default=1, help="how many hospitals also seal their shares")
    parser.add_argument("--smallest", action="store_true", help="10000 parameters and 5 hospitals only")
    options = parser.parse_args()
    if options.smallest:
        options.parameters, options.hospitals = [PARAMETERS[0]], [HOSPITALS[0]]
    if min(*options.parameters, options.sealing) < 1 or min(options.hospitals) < 5:
        parser.error(
            "expected at least 1 parameter, 1 sealing hospital and 5 hospitals (4 cannot name a liar)"
        )
    results = []
    for parameters in options.parameters:
        for hospitals in options.hospitals:
            results.append(measure(parameters, hospitals, options.sealing))
            progress(results[-1])
    print_result("secure_aggregation", results=results)


if __name__ == "__main__":
    main()
