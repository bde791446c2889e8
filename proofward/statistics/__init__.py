"""What a consortium's tables hold together: counted at each hospital, summed under encryption."""
