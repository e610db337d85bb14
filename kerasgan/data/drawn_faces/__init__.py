"""Faces drawn by a program, labelled like CelebA; no photograph is involved."""
