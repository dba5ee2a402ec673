"""``python -m wapo``."""

from wapo.cli.entry import main

main()
