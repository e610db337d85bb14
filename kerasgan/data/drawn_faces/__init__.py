"""Faces drawn by a program, with the labels of CelebA. No photograph is used."""
