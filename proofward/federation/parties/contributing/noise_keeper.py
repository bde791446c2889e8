"""What a hospital does for its noise: it commits to seeds before the beacon, and keeps each until its use.

The seeds of a round are drawn and stored together with the commitment to them, one for each attempt. A seed
is used with the beacon of its attempt and no other. It is erased when the upload that it went into is stored,
when its attempt is over without one, and at the end: whoever has it can subtract the noise.
"""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.history.state.history_state import KEYS, SHARES, UPLOAD, VOUCH
from proofward.federation.history.steps.noise import ATTEMPTS, open_round
from proofward.federation.messages.records.catalogue import NoiseCommitment, Upload
from proofward.federation.parties.contributing.holder import Holder
from proofward.proof.errors import WitnessError
from proofward.relations.proofs.measure import UploadStatement
from proofward.relations.uploads.noise_seed import SEED_BYTES

NOISE = "noise"


class NoiseKeeper(Holder):
    """A hospital's seeds of noise."""

    def kept_secrets(self) -> set[str]:
        """See Holder; and the seeds of attempts to come, and of the present one until it has uploaded."""
        position, current = self.history.position(), self.history.current
        kept = super().kept_secrets()
        due = current is not None and self.history.phase in (KEYS, UPLOAD) and self.stored(Upload) is None
        for name in self.state.secrets.names():
            label, *numbers = name.split("/")
            if label == NOISE:
                own = int(numbers[0]), int(numbers[1])
                kept |= {name} if own > position or (due and own == position) else set()
        return kept

    @property
    def owes_noise(self) -> bool:
        """Whether its commitment to the noise of a round is due and not recorded.

        It helps to no beacon and to no accepted set before it is: it could not take part in the round.
        """
        number, known = open_round(self.history), self.history.noise_roots
        joined = number is not None and self.name in self.history.joined
        return joined and (number, self.name) not in known

    @property
    def waits_for_noise(self) -> bool:
        """Whether its next word would bring the beacon nearer while `owes_noise`."""
        return self.history.phase in (VOUCH, SHARES) and self.owes_noise

    def commit_noise(self) -> Iterator[bytes]:
        """Its commitment to the noise of the round whose beacon is the next one."""
        number = open_round(self.history)
        if number is None or not self.owes_noise:
            return
        if (earlier := self.sent(NoiseCommitment, str(number))) is not None:
            yield earlier
            return
        draw = self.source("noise-seeds", number.to_bytes(8, "little"))
        seeds = {f"{NOISE}/{number}/{attempt}": draw(SEED_BYTES) for attempt in range(ATTEMPTS)}
        about = self.rules.config, self.history.rows_of(self.name)
        counting = self.rules.counting_in(number)
        roots = tuple(self.proofs.noise_root(*about, seed, counting) for seed in seeds.values())
        yield self.say(NoiseCommitment(number, roots), secrets=seeds)

    def noise_seed(self, statement: UploadStatement) -> bytes | None:
        """The seed of this attempt, None where there is no noise; raises WitnessError where it is gone."""
        if not statement.noise_root:
            return None
        seed = self.state.secrets.get(self.fact_name(NOISE))
        if seed is None:
            raise WitnessError("no seed of noise for this attempt in the stored state")
        return seed
