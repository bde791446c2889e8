"""Readers of images: one file for each format, DICOM in several."""
