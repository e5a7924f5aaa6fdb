"""The tables, figures and findings of Huang et al. 2022 beside ours."""
