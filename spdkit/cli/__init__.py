"""Commands of ``spdkit``: one file each, put together in `spdkit.cli.app`."""
