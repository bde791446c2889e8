"""Images as arrays of one size, from DICOM, pictures in folders, MedMNIST and PatchCamelyon files."""
