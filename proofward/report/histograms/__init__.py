"""Figures of a model from histograms of its scores alone: no record, and no score of one, is needed."""
