"""Compares the tables, figures and findings of Huang et al. 2022 with ours."""
