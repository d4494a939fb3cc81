"""Names of parameters and of members of answers that documents use for paging.

They are compared by :func:`plain_name`, for which ``nextPageToken`` and ``next_page_token`` are equal.
"""

from __future__ import annotations

import re


def plain_name(name: str) -> str:
    """Lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Parameters, the most certain first.
TOKENS = (
    *("cursor", "pagetoken", "nextpagetoken", "nexttoken", "paginationtoken", "continuationtoken", "continuation"),
    *("nextcursor", "startcursor", "pagecursor", "startingafter", "startafter", "aftercursor", "aftertoken", "after"),
    *("afterid", "lastid", "lastkey", "exclusivestartkey", "startkey", "iterator", "marker", "nextmarker", "bookmark"),
    *("scrollid", "resumetoken", "streamposition", "position", "pageafter", "nextpage", "next", "nextid", "nextkey"),
    *("token", "offset", "skip", "page", "pagestate", "pageid", "startid", "anchor", "start", "from"),
)
ECHOED = ("page", "offset", "skip", "start", "from", "position")  # an answer may merely repeat the parameter
OFFSETS = ("offset", "skip", "pageoffset", "startindex", "startat", "firstresult", "resultoffset", "startposition")
WEAK_OFFSETS = ("start", "from", "begin")  # only together with a size, and without an end
NUMBERS = ("page", "pagenumber", "pageno", "pagenum", "pageindex", "currentpage", "pagenr", "p")
SIZES = (
    *("limit", "perpage", "pagesize", "maxresults", "pagelimit", "itemsperpage", "resultsperpage", "numberofresults"),
    *("recordsperpage", "maxitems", "rows", "rowsperpage", "size", "count", "top", "take", "first", "max"),
    *("maxrecords", "resultlimit", "perpagecount", "pagecount", "numresults", "maxpagesize"),
)
IDS = ("startingafter", "afterid", "after", "startafter", "lastid")
CURSORS = frozenset({"cursor", "pagecursor", "pagetoken", "after", "before", "startingafter", "maxid", "sinceid"})
ENDS = frozenset({"to", "end", "until", "stop", "before", "endtime", "endat", "enddate"})
PAGED = frozenset({*TOKENS, *OFFSETS, *NUMBERS, *IDS, "maxid", "sinceid", "minid", "before"} - {"p", "start", "token"})

# Members of answers.
GENERIC = _set(
    "nextcursor nextpagetoken nexttoken nextpage nextmarker nextiterator nextkey nextid nextoffset continuationtoken "
    "endcursor nextpagecursor cursornext nextpageid lastevaluatedkey nextbookmark nextpagestate nextstart"
)
FURTHER = _set(
    "next nextpage cursors cursor paging pagination pageinfo pages page meta metadata links responsemetadata"
)
URLS = _set("next nexturl nextpageurl nextpageuri nextlink nextpagelink nexthref odatanextlink nextpage")
MORE = _set(
    "hasmore more hasnext hasnextpage hasmoreitems hasmoreresults morepages hasmorepages ismore moreavailable "
    "moreresults hasmoredata nextpageexists moreitemsinplace"
)
DONE = _set("done islast last finished complete isdone lastpage isfinished islastpage endoflist nomore")
TOTALS = _set("total totalcount totalitems totalresults totalrecords totalelements totalsize")
PAGES = _set("totalpages pagecount lastpage numpages pagestotal totalpagecount")
SEARCHES = _set("search query list find filter lookup scan browse")  # words of a POST that lists
