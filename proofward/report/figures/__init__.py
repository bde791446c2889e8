"""Figures of a model on records: curves, ROC, confusion, saliency; as numbers, as pictures, as a page."""
