"""Words that are to stay words."""

HOSTILE = "<script>alert(1)</script> \" onload='x' & مستشفى 医院 " + "long" * 90
SHEET = ("Adults, 2019 to 2023.", "Consent: broad consent, </td></table><h1>x")
