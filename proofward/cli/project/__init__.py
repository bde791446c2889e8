"""Commands and files of the coordinator: consortium.toml, kits, certificates."""
