"""Reporting: metrics.json, two figures and report.html from what the rounds measured."""
