"""Sections that answer what laws and guidances ask, item by item: from the ledger, or "not recorded".

Nothing here is legal advice, and no line says that a duty is met: it says what the record holds on the item.
"""

from __future__ import annotations

from proofward.dossier.parts.paper import Basis, Fact, Facts, Section, Words, fact
from proofward.dossier.record.evidence import Evidence
from proofward.dossier.sections.people import span
from proofward.federation.messages.basics.clock import in_utc
from proofward.relations.rules.private_rules import starts_from_zeros

CAUTION = (
    "What this record holds on each item, and nothing more. Where it says “not recorded”, the answer has "
    "to come from elsewhere. It is no legal advice, and no line says that a duty is met."
)
_RULES = "rules, entry 0"


class _Answers:
    """What several laws ask for, each made once."""

    def __init__(self, found: Evidence) -> None:
        self._found = found
        self.history = found.history
        self.rules = found.history.rules
        self.said = self.rules.declarations

    def declared(self, term: str, lines: tuple[str, ...]) -> Fact:
        """Words of the consortium."""
        return fact(term, lines, Basis.SIGNED, _RULES)

    def contacts(self, term: str) -> Fact:
        """Legal names and contacts."""
        lines = [
            ", ".join(filter(None, (f"{entry.member}: {entry.legal_name}", entry.contact, entry.responsible)))
            for entry in self.said.members
        ]
        return fact(term, lines, Basis.SIGNED, _RULES)

    def version(self, term: str) -> Fact:
        """Software of the host, and of others that say something else."""
        lines = dict.fromkeys("; ".join(lines) for _, lines in self._found.chronicle.software.values())
        return fact(term, tuple(lines), Basis.SIGNED, "first messages of the members")

    def method(self, term: str) -> Fact:
        """How was trained."""
        config = self.rules.config
        return fact(term, (f"Network: {config.model.words}.", config.training_words), where=_RULES)

    def data(self, term: str) -> Fact:
        """Records and data sheets."""
        sheets = self._found.chronicle.sheets
        lines = [
            f"{name}: {rows:,} records, {'with' if name in sheets else 'without'} a data sheet"
            for name, rows in sorted(self.history.enrolled.items())
        ]
        return fact(term, lines, where="enrolments; section “Which data”")

    def log(self, term: str) -> Fact:
        """The record itself."""
        times = self._found.chronicle
        words = f"{self.history.size} signed messages of {len(self.history.keys)} members"
        if times.first is not None and times.last is not None:
            words += f", {span(times.first, times.last)}"
        return fact(term, words, where="the ledger; section “When”")

    def audited(self, term: str) -> Fact:
        """What the audit came to."""
        summary = self._found.summary
        checks = len(summary.verdicts)
        consistent = "is consistent" if summary.consistent else f"has {len(summary.flaws)} flaws"
        broke = f"{len(summary.breaches)} broken rules are named"
        return fact(term, f"{checks} checks: the record {consistent}; {broke}", where="section “Refusals”")

    def security(self, term: str) -> Fact:
        """Technical measures."""
        config = self.rules.config
        words = (
            "Updates leave a hospital encrypted, and only sums over at least "
            f"{self.rules.minimum_updates} hospitals are opened.",
            f"Every update is proved in zero knowledge ({config.security_bits} bits); up to "
            f"{self.rules.collusion} hospitals learn nothing together.",
            "Every message is signed, and the record is a Merkle log that members compare.",
        )
        return fact(term, words, where=_RULES)

    def rounds(self, term: str) -> Fact:
        """Changes of the model."""
        closed = self.history.closed
        words = [
            f"{len(closed)} rounds changed the model, each by an update that was proved and computed again"
        ]
        if closed:
            words.append(f"from model {closed[0].model.hex()} to {self.history.model.hex()}")
        return fact(term, words if closed else None, where="section “Rounds”")

    def end(self, term: str) -> Fact:
        """The last date."""
        last = self._found.chronicle.last
        return fact(term, None if last is None else in_utc(last), Basis.SIGNED, "last entry")


def _nothing(*terms: str) -> tuple[Fact, ...]:
    return tuple(fact(term, None) for term in terms)


def ai_act(found: Evidence) -> Section:
    """Regulation (EU) 2024/1689, Annex IV: technical documentation of article 11."""
    say = _Answers(found)
    first = (
        say.declared("1 (a) Intended purpose", (*say.said.purpose, *say.said.intended_use)),
        say.contacts("1 (a) Provider"),
        fact("1 (a) Version of the system", _model(found), where="SHA-256 of the last model"),
        *_nothing("1 (b) Interaction with other hardware and software"),
        say.version("1 (c) Versions of software"),
        *_nothing("1 (d) Forms in which it is placed on the market", "1 (e) Hardware on which it is to run",
                  "1 (f) Photographs of the product", "1 (g) User interface", "1 (h) Instructions for use"),
    )  # fmt: skip
    second = (
        say.method("2 (a) Methods and steps of development"),
        fact("2 (a) Pre-trained parts", _first_model(found), where=_RULES),
        say.method("2 (b) Design, algorithms and key choices"),
        *_nothing("2 (c) Architecture and computing resources used"),
        say.data("2 (d) Data sets: provenance, scope, characteristics"),
        say.declared("2 (d) How data were selected", say.said.inclusion_criteria),
        *_nothing("2 (d) Labelling and cleaning"),
        *_nothing("2 (e) Human oversight (article 14)", "2 (f) Changes determined beforehand",
                  "2 (g) Validation and testing: data, metrics, groups, signed reports"),
        say.security("2 (h) Cybersecurity"),
    )  # fmt: skip
    others = (
        *_nothing("3 Capabilities, limitations, accuracy for groups of people",
                  "4 Why the performance metrics are appropriate", "5 Risk management (article 9)"),
        say.rounds("6 Changes over the lifecycle"),
        *_nothing("7 Harmonised standards applied", "8 EU declaration of conformity (article 47)",
                  "9 Monitoring after placing on the market (article 72)"),
        say.log("Article 12: records of events"),
    )  # fmt: skip
    tables = (
        Facts("1 General description", first),
        Facts("2 Elements and development", second),
        Facts("3 to 9, and article 12", others),
    )
    return Section("ai-act", "EU AI Act, Annex IV", (Words((CAUTION,)), *tables))


def _model(found: Evidence) -> str | None:
    history = found.history
    return f"{history.model.hex()} after round {len(history.closed)}" if history.closed else None


def _first_model(found: Evidence) -> str:
    if found.history.rules.initial_model:
        return f"the training began with a chosen model, {found.history.rules.initial_model.hex()}"
    config = found.history.rules.config
    if starts_from_zeros(config.privacy, config.model):
        return "none: all weights of the first model were zero"
    return "none: the first model was drawn from the members' shared randomness"


def gdpr(found: Evidence) -> Section:
    """Regulation (EU) 2016/679, articles 30 (1) and 35 (7)."""
    say = _Answers(found)
    processing = (
        say.contacts("(a) Controllers and their contacts"),
        *_nothing("(a) Joint controllers, representatives, data protection officers by role"),
        say.declared("(b) Purposes", say.said.purpose),
        say.declared("(c) Categories of data subjects", say.said.inclusion_criteria),
        *_nothing("(c) Categories of personal data"),
        fact("(d) Recipients of sums and models", f"the members: {', '.join(sorted(say.history.keys))}",
             where="section “Who took part”"),
        *_nothing("(e) Transfers to third countries"),
        say.declared("(f) Time limits for erasure", say.said.retention),
        say.security("(g) Technical and organisational measures (article 32)"),
    )  # fmt: skip
    impact = (
        say.method("(a) Description of the processing"),
        say.declared("(a) Purposes", say.said.purpose),
        say.declared("Legal basis (articles 6 and 9)", say.said.legal_basis),
        *_nothing("(b) Necessity and proportionality", "(c) Risks to rights and freedoms"),
        say.security("(d) Measures against the risks"),
        fact("(d) What members can learn all the same", "every sum and every model, which are exact: see the "
             "section “What is NOT shown”"),
        *_nothing("Article 17: erasure of a person's records after enrolment"),
    )  # fmt: skip
    tables = (
        Facts("Article 30 (1): record of processing", processing),
        Facts("Article 35 (7): impact assessment", impact),
    )
    return Section("gdpr", "GDPR, articles 30 and 35", (Words((CAUTION,)), *tables))


def hipaa(found: Evidence) -> Section:
    """45 CFR 164.312 (b) and what belongs to it."""
    say = _Answers(found)
    rows = (
        say.log("164.312 (b) Mechanisms that record activity"),
        say.audited("164.312 (b) Mechanisms that examine activity"),
        fact("Who acted", "members, by their keys; not persons", where="section “Who took part”"),
        *_nothing("Which person had access to which record, and when"),
        fact("164.312 (c) (1) Integrity of the record", "a Merkle log, of which every byte was checked"
             if found.summary.consistent else "NOT consistent: see the section “Refusals and broken rules”"),
        fact("164.312 (d) Authentication of members", "Ed25519 signatures by keys that the rules name"),
        say.security("164.312 (e) (1) Transmission security"),
        say.declared("164.316 (b) (2) Retention of documentation", say.said.retention),
        *_nothing("164.308 (a) (1) Risk analysis"),
    )  # fmt: skip
    return Section("hipaa", "HIPAA, audit controls", (Words((CAUTION,)), Facts("45 CFR 164.312 (b)", rows)))


def fda(found: Evidence) -> Section:
    """Predetermined change control plan: guidance of the FDA, section 515C of the FD&C Act."""
    say = _Answers(found)
    description = (
        say.rounds("Modifications that were made"),
        *_nothing("Modifications that are planned, and their limits"),
    )
    protocol = (
        say.data("Data management"),
        say.declared("How data were selected", say.said.inclusion_criteria),
        say.method("Re-training"),
        fact("Bound on a hospital's change", f"L2 norm {say.rules.config.clip_bound / 1024:g}", where=_RULES),
        *_nothing("Performance evaluation: test set under lock, acceptance criteria",
                  "Comparison with the version approved before"),
        say.audited("Evidence that the protocol was followed"),
        *_nothing("Update procedures and information of users"),
        say.end("Date of the last change"),
    )  # fmt: skip
    impact = _nothing("Benefits and risks of each modification", "Mitigation of risks")
    tables = (
        Facts("Description of modifications", description),
        Facts("Modification protocol", protocol),
        Facts("Impact assessment", impact),
    )
    return Section("fda", "FDA, predetermined change control plan", (Words((CAUTION,)), *tables))
