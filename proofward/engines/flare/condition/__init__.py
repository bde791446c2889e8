"""In what condition a kit is: what may stop it, what stopped it, what its operator has to do."""
