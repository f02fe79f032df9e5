"""Callbacks: what looks on while a run goes, and may stop it; a module for each."""
