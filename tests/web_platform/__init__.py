"""The support table of docs/web-platform.md: what a real machine has, beside what the standards say."""
