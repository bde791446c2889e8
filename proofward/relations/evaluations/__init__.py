"""Counts of scores on hidden records: statement, bins, histograms, subgroups."""
