def test_prepare_reports_what_is_missing(tmp_path, bad):
    command = ["prepare", "celeb_a", "--from", tmp_path / "no", "--data-dir", tmp_path]
    bad(command, str(tmp_path / "no"))


def test_a_data_dir_below_a_file(tmp_path, bad):
    (tmp_path / "file").write_text("not a folder")
    out = tmp_path / "file" / "x"
    command = ["prepare", "celeb_a", "--from", tmp_path, "--data-dir", out]
    bad(command, f"--data-dir is '{out}'", "is a file")
