"""Prints what openpyxl, a reader that is not ours, finds in a workbook, as JSON: python read_workbook.py FILE"""

import json
import sys
import zipfile

import openpyxl


def cell(found):
    return {"type": found.data_type, "value": found.value, "format": found.number_format, "bold": bool(found.font.b)}


def main():
    with zipfile.ZipFile(sys.argv[1]) as archive:
        broken = archive.testzip()
    book = openpyxl.load_workbook(sys.argv[1])
    sheet = book.active
    json.dump(
        {
            "broken": broken,
            "sheets": book.sheetnames,
            "frozen": sheet.freeze_panes,
            "rows": [[cell(found) for found in row] for row in sheet.iter_rows()],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
