"""Who is in a picture: patients' digests for splitting, and what must not be there.

A patient's number is read, hashed with the site's salt and forgotten; it is never kept, logged or shown. Of
elements that name a patient only their names are told.
"""

from __future__ import annotations

import hashlib
from typing import Any

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.refusal import BURNED_IN, IDENTIFYING, ImageRefused

_DOMAIN = b"proofward/patient/v1"
_PADDING = b" \0\t\r\n"
PATIENT, ISSUER = 0x00100020, 0x00100021
IDENTIFYING_ELEMENTS = {
    0x00080050: "Accession Number",
    0x00080090: "Referring Physician's Name",
    0x00100010: "Patient's Name",
    0x00100030: "Patient's Birth Date",
    0x00100032: "Patient's Birth Time",
    0x00100050: "Patient's Insurance Plan Code Sequence",
    0x00101000: "Other Patient IDs",
    0x00101001: "Other Patient Names",
    0x00101002: "Other Patient IDs Sequence",
    0x00101005: "Patient's Birth Name",
    0x00101040: "Patient's Address",
    0x00101060: "Patient's Mother's Birth Name",
    0x00101090: "Medical Record Locator",
    0x00102154: "Patient's Telephone Numbers",
    0x00102155: "Patient's Telecom Information",
    0x00102297: "Responsible Person",
    0x00104000: "Patient Comments",
}
_SHOWN_IN_PIXELS = {0x00280301: "Burned In Annotation", 0x00280302: "Recognizable Visual Features"}


def patient_digest(salt: bytes, patient: bytes, issuer: bytes = b"") -> bytes | None:
    """Salted SHA-256 of a patient's number, None where there is none."""
    patient, issuer = patient.strip(_PADDING), issuer.strip(_PADDING)
    if not patient:
        return None
    lengths = b"".join(len(part).to_bytes(8, "little") for part in (salt, issuer, patient))
    return hashlib.sha256(_DOMAIN + lengths + salt + issuer + patient).digest()


def check_identity(dataset: Any, admission: Admission) -> None:
    """Refuses what a DICOM file says of a person or shows of one, unless the site admits it."""
    if not admission.burned_in:
        for tag, name in _SHOWN_IN_PIXELS.items():
            if raw_bytes(dataset, tag).strip(_PADDING).upper() == b"YES":
                raise ImageRefused(BURNED_IN, f"{name} other than YES", "YES", "look at it, then allow it")
    if not admission.identifying:
        elements = IDENTIFYING_ELEMENTS.items()
        found = [name for tag, name in elements if raw_bytes(dataset, tag).strip(_PADDING)]
        if found:
            remedy = "remove them from the files, or allow them: only pixels are taken"
            raise ImageRefused(IDENTIFYING, "no identifying elements", ", ".join(found), remedy)


def patient_of(dataset: Any, admission: Admission) -> bytes | None:
    """The digest of the patient that a DICOM file names."""
    return patient_digest(admission.salt, raw_bytes(dataset, PATIENT), raw_bytes(dataset, ISSUER))


def raw_bytes(dataset: Any, tag: int) -> bytes:
    """An element's value before anything is made of it; b"" where there is none."""
    if tag not in dataset:
        return b""
    value = dataset.get_item(tag).value
    if isinstance(value, bytes):
        return value
    if value is None or (hasattr(value, "__len__") and len(value) == 0):
        return b""
    return str(value).encode()
