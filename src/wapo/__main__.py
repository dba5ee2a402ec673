"""``python -m wapo``."""

from wapo.cli.main import main

main()
