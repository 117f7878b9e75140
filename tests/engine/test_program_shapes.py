# ruff: noqa: E501
"""Ordinary tests of other shapes than plain data: what a right program does passes, as it would in one process."""

import json
import os
from pathlib import Path

import pytest

from sapo_engine.grading.base import Problem
from sapo_engine.grading.program_names import names_of
from sapo_engine.grading.programs import ProgramGrader, probe

HOW, WHY = probe()
pytestmark = pytest.mark.skipif(HOW == "none", reason=f"no sandbox here: {WHY}")
DATA = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="module")
def grader():
    grader = ProgramGrader(seconds=10.0, memory_mb=1024, processes=2)
    yield grader
    grader.close()


SHAPES = {
    "cb lambda": (
        "def m(f,xs): return [f(x) for x in xs]",
        "assert m(lambda x:x+1,[1,2])==[2,3]",
    ),
    "cb with state": (
        "def each(f,xs):\n    for x in xs: f(x)",
        "seen=[]\neach(seen.append,[1,2])\nassert seen==[1,2]",
    ),
    "cb builtin": (
        "def ap(f,x): return f(x)",
        'assert ap(len,"abc")==3',
        'assert ap(str.upper,"a")=="A"',
        "import math\nassert ap(math.sqrt,4)==2",
        "assert ap(print,1) is None",
        'import os.path\nassert ap(os.path.basename,"a/b")=="b"',
        "import functools,operator\nassert ap(functools.partial(operator.add,2),3)==5",
    ),
    "cb raises": (
        "def safe(f):\n    try: return f()\n    except ZeroDivisionError: return None",
        "assert safe(lambda: 1/0) is None",
        'class E(Exception): pass\ndef g(): raise E("x")\ntry:\n    safe(g)\nexcept E as e:\n    assert str(e)=="x"\nelse: assert False',
    ),
    "recursion by cb": (
        "def fix(f): return lambda *a: f(fix(f),*a)",
        "assert fix(lambda self,n: 1 if n==0 else n*self(n-1))(20)==2432902008176640000",
    ),
    "memoize": (
        "def memo(f):\n    c={}\n    def g(x):\n        if x not in c: c[x]=f(x)\n        return c[x]\n    g.cache=c\n    return g",
        "calls=[]\n@memo\ndef sq(x):\n    calls.append(x); return x*x\nassert sq(3)==9 and sq(3)==9 and calls==[3]",
        "assert sq.cache=={3:9}",
        'assert sq.__name__=="g"',
    ),
    "decorator wraps": (
        "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def g(*a,**k): return f(*a,**k)+1\n    return g",
        '@deco\ndef h(x):\n    "doc"\n    return x\nassert h(1)==2 and h.__name__=="h" and h.__doc__=="doc"',
        "assert h.__wrapped__(1)==1",
    ),
    "decorator with args": (
        "def rep(n):\n    def d(f):\n        def g(*a):\n            return [f(*a) for _ in range(n)]\n        return g\n    return d",
        "@rep(3)\ndef h(x): return x\nassert h(1)==[1,1,1]",
    ),
    "closure counter": (
        "def counter():\n    n=0\n    def inc():\n        nonlocal n\n        n+=1\n        return n\n    return inc",
        "c=counter()\nd=counter()\nassert (c(),c(),d())==(1,2,1)",
    ),
    "currying": (
        "def add(a): return lambda b: lambda c: a+b+c",
        "assert add(1)(2)(3)==6",
    ),
    "sort key": (
        "def by(xs,key): return sorted(xs,key=key)",
        'assert by(["bb","a"],len)==["a","bb"]',
        "assert by([3,1],lambda x:-x)==[3,1]",
    ),
    "ops": (
        'class V:\n    def __init__(s,x,y): s.x,s.y=x,y\n    def __add__(s,o): return V(s.x+o.x,s.y+o.y)\n    def __sub__(s,o): return V(s.x-o.x,s.y-o.y)\n    def __mul__(s,k): return V(s.x*k,s.y*k)\n    __rmul__=__mul__\n    def __neg__(s): return V(-s.x,-s.y)\n    def __abs__(s): return (s.x**2+s.y**2)**.5\n    def __eq__(s,o): return isinstance(o,V) and (s.x,s.y)==(o.x,o.y)\n    def __hash__(s): return hash((s.x,s.y))\n    def __repr__(s): return f"V({s.x}, {s.y})"\n    def __bool__(s): return bool(s.x or s.y)\n    def __iter__(s): return iter((s.x,s.y))\n    def __getitem__(s,i): return (s.x,s.y)[i]\n    def __len__(s): return 2\n    def __matmul__(s,o): return s.x*o.x+s.y*o.y\n    def __lt__(s,o): return abs(s)<abs(o)\n    def __iadd__(s,o):\n        s.x+=o.x; s.y+=o.y; return s\n    def __contains__(s,v): return v in (s.x,s.y)\n    def __call__(s,k): return s*k\n    def __truediv__(s,k): return V(s.x/k,s.y/k)',
        "assert V(1,2)+V(3,4)==V(4,6)",
        "assert V(1,2)*3==V(3,6) and 3*V(1,2)==V(3,6)",
        "assert abs(V(3,4))==5",
        "assert -V(1,2)==V(-1,-2)",
        'assert repr(V(1,2))=="V(1, 2)" and str(V(1,2))=="V(1, 2)" and f"{V(1,2)}"=="V(1, 2)"',
        "assert not V(0,0) and V(1,0)",
        "assert list(V(1,2))==[1,2] and tuple(V(1,2))==(1,2)",
        "a,b=V(1,2)\nassert (a,b)==(1,2)",
        "assert V(5,6)[1]==6 and len(V(1,2))==2",
        "assert V(1,2)@V(3,4)==11",
        "assert V(1,1)<V(2,2) and sorted([V(2,2),V(1,1)])==[V(1,1),V(2,2)] and max(V(1,1),V(3,3))==V(3,3)",
        "a=V(1,1)\nb=a\na+=V(1,1)\nassert b is a and a==V(2,2)",
        "assert 1 in V(1,2) and 3 not in V(1,2)",
        "assert V(1,2)(2)==V(2,4)",
        "assert len({V(1,2),V(1,2),V(2,1)})==2",
        'assert {V(1,2):"x"}[V(1,2)]=="x"',
        "assert V(1,2)!=V(2,1) and V(1,2)!=5",
        "assert sum([V(1,1),V(2,2)],V(0,0))==V(3,3)",
        "assert V(2,4)/2==V(1,2)",
        "assert V(1,2) in [V(0,0),V(1,2)]",
        "assert [V(1,2),V(3,4)].index(V(3,4))==1",
        "import copy\na=V(1,2)\nb=copy.copy(a)\nassert b==a and b is not a",
        'assert isinstance(V(1,2),V) and not isinstance(3,V) and type(V(1,2)) is V and V.__name__=="V"',
        'v=V(1,2)\nv.x=10\nassert v.x==10 and vars(v)=={"x":10,"y":2}',
        'assert hasattr(v,"x") and not hasattr(v,"z")',
        'assert getattr(v,"q",7)==7',
        "v.x+=1\nassert v.x==11",
        "del v.x\ntry:\n    v.x\nexcept AttributeError: pass\nelse: assert False",
    ),
    "stack": (
        'class Stack:\n    def __init__(s): s.items=[]\n    def push(s,x): s.items.append(x)\n    def pop(s):\n        if not s.items: raise IndexError("pop from empty stack")\n        return s.items.pop()\n    def peek(s): return s.items[-1]\n    def __len__(s): return len(s.items)\n    def is_empty(s): return not s.items',
        "s=Stack()\ns.push(1)\ns.push(2)\nassert len(s)==2 and s.pop()==2 and s.peek()==1 and not s.is_empty()",
        "s.items.append(9)\nassert s.pop()==9",
        't=Stack()\ntry:\n    t.pop()\nexcept IndexError as e:\n    assert str(e)=="pop from empty stack"\nelse: assert False',
        "assert t.is_empty()",
    ),
    "linked list": (
        "class Node:\n    def __init__(s,v,n=None): s.val,s.next=v,n\ndef rev(h):\n    p=None\n    while h:\n        h.next,p,h=p,h,h.next\n    return p",
        "h=Node(1,Node(2,Node(3)))\nr=rev(h)\nout=[]\nwhile r:\n    out.append(r.val); r=r.next\nassert out==[3,2,1]",
    ),
    "tree children": (
        "class T:\n    def __init__(s,v): s.v=v; s.children=[]\ndef total(t): return t.v+sum(map(total,t.children))",
        "r=T(1)\nr.children.append(T(2))\nr.children[0].children.append(T(3))\nassert total(r)==6",
        "assert r.children[0].children[0].v==3",
    ),
    "test-own class in": (
        "def depth(n): return 0 if n is None else 1+max(depth(n.left),depth(n.right))",
        "class N:\n    def __init__(s,l=None,r=None): s.left,s.right=l,r\nassert depth(N(N(),N(N())))==3",
    ),
    "test-own class mutate": (
        "def invert(n):\n    if n: n.left,n.right=invert(n.right),invert(n.left)\n    return n",
        "class N:\n    def __init__(s,v,l=None,r=None): s.v,s.left,s.right=v,l,r\nt=N(1,N(2),N(3))\nu=invert(t)\nassert u is t and t.left.v==3 and t.right.v==2",
    ),
    "test-own ops": (
        "def total(xs): return sum(xs[1:],xs[0])",
        "class M:\n    def __init__(s,a): s.a=a\n    def __add__(s,o): return M(s.a+o.a)\n    def __eq__(s,o): return s.a==o.a\nassert total([M(1),M(2),M(3)])==M(6)",
        "def biggest(): pass",
    ),
    "with": (
        'class C:\n    def __init__(s): s.log=[]\n    def __enter__(s): s.log.append("in"); return s\n    def __exit__(s,t,v,tb): s.log.append(t.__name__ if t else "out"); return t is ValueError',
        'with C() as c:\n    assert c.log==["in"]\nassert c.log==["in","out"]',
        'with C() as c:\n    raise ValueError("x")\nassert c.log==["in","ValueError"]',
        "try:\n    with C() as c: raise KeyError(1)\nexcept KeyError: pass\nelse: assert False",
    ),
    "contextmanager": (
        'import contextlib\n@contextlib.contextmanager\ndef tag(log,name):\n    log.append("<"+name)\n    try: yield name\n    finally: log.append(">"+name)',
        'log=[]\nwith tag(log,"a") as n:\n    assert n=="a"\n    log.append("x")\nassert log==["<a","x",">a"]',
    ),
    "exceptions": (
        'class Low(Exception):\n    def __init__(s,need,have):\n        super().__init__(f"need {need}, have {have}")\n        s.need,s.have=need,have\nclass Lower(Low): pass\nclass Acc:\n    def __init__(s,b): s.b=b\n    def take(s,n):\n        if n>s.b: raise Lower(n,s.b)\n        s.b-=n',
        'a=Acc(5)\ntry:\n    a.take(9)\nexcept Low as e:\n    assert str(e)=="need 9, have 5" and e.need==9 and isinstance(e,Lower) and isinstance(e,Exception) and e.args==("need 9, have 5",)\nelse: assert False',
        "import unittest\nt=unittest.TestCase()\nwith t.assertRaises(Low) as c: a.take(9)\nassert c.exception.have==5",
        'with t.assertRaisesRegex(Low,"need"): a.take(10)',
        "assert issubclass(Lower,Low) and issubclass(Low,Exception)",
        "try:\n    raise Lower(1,2)\nexcept Low as e: assert e.have==2",
    ),
    "exc chaining": (
        'class A(Exception): pass\ndef f():\n    try: {}["x"]\n    except KeyError as e: raise A("a") from e',
        'try: f()\nexcept A as e: assert isinstance(e.__cause__,KeyError) and e.__cause__.args==("x",)\nelse: assert False',
    ),
    "builtin errors": (
        'import json\ndef f(k):\n    if k==0: return [][1]\n    if k==1: return {}["a"]\n    if k==2: return int("x")\n    if k==3: return json.loads("{")\n    if k==4: return open("/nonexistent/x")\n    if k==5: raise StopIteration(5)\n    if k==6: raise SystemExit(3)\n    if k==7: raise NotImplementedError\n    if k==8: return "\\u20ac".encode("ascii")',
        "import json\nfor k,E in enumerate([IndexError,KeyError,ValueError,json.JSONDecodeError,OSError]):\n    try: f(k)\n    except E as e: assert type(e) is E or k==4\n    else: assert False",
        "try: f(6)\nexcept SystemExit as e: assert e.code==3\nelse: assert False",
        "try: f(7)\nexcept NotImplementedError: pass\nelse: assert False",
        'try: f(8)\nexcept UnicodeEncodeError as e: assert e.start==0 and e.encoding=="ascii"\nelse: assert False',
    ),
    "enum": (
        "import enum\nclass Color(enum.Enum):\n    RED=1\n    GREEN=2\n    @property\n    def low(self): return self.name.lower()\ndef nxt(c): return Color(c.value%2+1)",
        "assert nxt(Color.RED)==Color.GREEN and nxt(Color.RED) is Color.GREEN",
        'assert Color.RED.name=="RED" and Color["RED"].value==1 and Color(2) is Color.GREEN',
        'assert [c.name for c in Color]==["RED","GREEN"] and len(Color)==2',
        "assert Color.RED in Color",
        'assert Color.RED.low=="red"',
        "assert {Color.RED:1}[Color.RED]==1",
        'assert str(Color.RED)=="Color.RED" and repr(Color.RED)=="<Color.RED: 1>"',
        "assert isinstance(Color.RED,Color)",
        "try:\n    Color(9)\nexcept ValueError: pass\nelse: assert False",
        "assert Color.RED!=1",
    ),
    "intenum": (
        'import enum\nclass P(enum.IntEnum):\n    LOW=1\n    HIGH=3\ndef f(): return P.HIGH\nclass F(enum.Flag):\n    A=1\n    B=2\nclass S(str,enum.Enum):\n    X="x"',
        "assert f()==3 and f()>P.LOW and f()+1==4 and sorted([P.HIGH,P.LOW])==[P.LOW,P.HIGH]",
        "assert (F.A|F.B)&F.A==F.A and F.A in (F.A|F.B)",
        'assert S.X=="x" and S.X.value=="x" and S("x") is S.X',
        "assert isinstance(f(),int)",
    ),
    "dataclass": (
        "import dataclasses\nfrom dataclasses import dataclass,field\n@dataclass(order=True,frozen=True)\nclass P:\n    x:int\n    y:int=0\n    tags:tuple=field(default=(),compare=False)\n@dataclass\nclass M:\n    a:int\n    xs:list=field(default_factory=list)\ndef f(): return P(1)\ndef move(p): return dataclasses.replace(p,x=p.x+1)",
        "assert f()==P(1) and f()==P(1,0) and f()!=P(2)",
        "assert P(1)<P(2) and max(P(1),P(2))==P(2)",
        'assert repr(P(1,2))=="P(x=1, y=2, tags=())"',
        "import dataclasses\ntry:\n    f().x=3\nexcept dataclasses.FrozenInstanceError: pass\nelse: assert False",
        'assert dataclasses.asdict(M(1,[2]))=={"a":1,"xs":[2]}',
        "assert move(P(1))==P(2) and dataclasses.replace(P(1),y=5)==P(1,5)",
        'assert dataclasses.is_dataclass(P) and [f.name for f in dataclasses.fields(P)]==["x","y","tags"]',
        "m=M(1)\nm.xs.append(3)\nassert m==M(1,[3]) and m.xs==[3]",
        "assert len({P(1),P(1)})==1",
        "assert dataclasses.astuple(P(1,2))==(1,2,())",
    ),
    "namedtuple": (
        'from collections import namedtuple\nfrom typing import NamedTuple\nP=namedtuple("P","x y")\nclass Q(NamedTuple):\n    a:int\n    b:str="z"\ndef f(): return P(1,2)',
        "assert f()==P(1,2) and f()==(1,2) and f().x==1 and f()[1]==2",
        "x,y=f()\nassert (x,y)==(1,2)",
        'assert f()._asdict()=={"x":1,"y":2} and f()._replace(x=5)==(5,2) and P._fields==("x","y")',
        'assert repr(f())=="P(x=1, y=2)" and isinstance(f(),tuple) and isinstance(f(),P)',
        'assert Q(1)==(1,"z") and Q(1).b=="z"',
        "assert sorted([P(2,1),P(1,2)])[0].x==1",
        "assert len(f())==2",
    ),
    "test namedtuple in": (
        "def mid(a,b): return type(a)((a.x+b.x)/2,(a.y+b.y)/2)",
        'from collections import namedtuple\nP=namedtuple("P","x y")\nassert mid(P(0,0),P(2,4))==P(1,2)',
    ),
    "test dataclass in": (
        "def older(p): return p.age+1\ndef grow(p): p.age+=1",
        'from dataclasses import dataclass\n@dataclass\nclass Person:\n    name:str\n    age:int\np=Person("a",3)\nassert older(p)==4',
        'grow(p)\nassert p.age==4 and p==Person("a",4)',
    ),
    "test enum in": (
        "def name(c): return c.name.lower()",
        'import enum\nclass C(enum.Enum):\n    RED=1\nassert name(C.RED)=="red"',
    ),
    "dates": (
        "import datetime as dt\ndef f(d): return d+dt.timedelta(days=1)\ndef g(): return dt.datetime(2020,1,2,3,4,5,tzinfo=dt.timezone.utc)\ndef h(s): return dt.date.fromisoformat(s)",
        "import datetime\nassert f(datetime.date(2020,2,28))==datetime.date(2020,2,29)",
        'assert g()==datetime.datetime(2020,1,2,3,4,5,tzinfo=datetime.timezone.utc) and g().isoformat()=="2020-01-02T03:04:05+00:00"',
        'assert h("2021-03-04")-h("2021-03-01")==datetime.timedelta(days=3)',
        "assert f(datetime.datetime(2020,1,1)).day==2",
        "assert datetime.datetime.fromtimestamp(0)==datetime.datetime(1970,1,1)",
    ),
    "module vars": (
        'ANSWER=42\nNAMES=["a"]\ncount=0\nCONFIG={"x":1}\ndef bump():\n    global count\n    count+=1\ndef add(n): NAMES.append(n)',
        'assert ANSWER==42 and NAMES==["a"] and CONFIG["x"]==1',
        "bump()\nbump()\nassert count==2",
        'add("b")\nassert NAMES==["a","b"]',
        "def check():\n    assert count==2\ncheck()",
    ),
    "in place": (
        'def f(a): a.append(1)\ndef g(d): d["k"]=[1]\ndef h(m):\n    for r in m: r.reverse()\ndef sw(a,b): a[:],b[:]=b[:],a[:]\ndef kw(*,xs): xs.clear()\ndef st(s): s.add(3)\ndef keep(a): return a',
        "l=[]\nf(a=l)\nassert l==[1]",
        'd={}\ng(d)\nassert d=={"k":[1]}',
        "m=[[1,2],[3,4]]\nr=m[0]\nh(m)\nassert m==[[2,1],[4,3]] and r==[2,1] and m[0] is r",
        "a=[1]\nb=[2]\nsw(a,b)\nassert (a,b)==([2],[1])",
        "x=[1]\nkw(xs=x)\nassert x==[]",
        "s={1}\nst(s)\nassert s=={1,3}",
        "z=[1]\nassert keep(z) is z",
        "import collections\nq=collections.deque([1],maxlen=3)\nf(q)\nassert list(q)==[1,1]",
        'ba=bytearray(b"a")\nba2=keep(ba)\nassert ba2 is ba',
    ),
    "aliasing later": (
        "class S:\n    def __init__(s,xs): s.xs=xs\n    def add(s,x): s.xs.append(x)\n    def n(s): return len(s.xs)",
        "xs=[1]\ns=S(xs)\ns.add(2)\nassert xs==[1,2]",
        "xs.append(3)\nassert s.n()==3",
    ),
    "copy exercise": (
        "import copy\ndef clone(x): return copy.deepcopy(x)\ndef shallow(x): return list(x)",
        "a=[[1]]\nb=clone(a)\nb[0].append(2)\nassert a==[[1]] and b==[[1,2]] and b is not a",
        "c=shallow(a)\nassert c is not a and c[0] is a[0]\nc[0].append(5)\nassert a==[[1,5]]",
    ),
    "inf gen": (
        "def nat():\n    n=0\n    while True:\n        yield n\n        n+=1\ndef primes():\n    n=2\n    while True:\n        if all(n%d for d in range(2,int(n**.5)+1)): yield n\n        n+=1",
        "import itertools\nassert list(itertools.islice(nat(),3))==[0,1,2]",
        "g=nat()\nassert next(g)==0 and next(g)==1",
        "assert list(itertools.islice(primes(),200))[-1]==1223",
        'z=list(zip(nat(),"ab"))\nassert z==[(0,"a"),(1,"b")]',
        "g=nat()\nassert [x for x,_ in zip(g,range(500))][-1]==499",
        "import types\nassert isinstance(nat(),types.GeneratorType)",
        "for x in nat():\n    if x==5: break\nassert x==5",
    ),
    "gen send": (
        "def avg():\n    t=n=0\n    r=None\n    while True:\n        v=yield r\n        t+=v;n+=1;r=t/n\ndef two():\n    x=yield 1\n    return x",
        "g=avg()\nnext(g)\nassert g.send(10)==10 and g.send(20)==15",
        "g.close()",
        "h=two()\nassert next(h)==1\ntry:\n    h.send(7)\nexcept StopIteration as e: assert e.value==7\nelse: assert False",
        "def outer():\n    r=yield from two()\n    yield r\no=outer()\nnext(o)\nassert o.send(3)==3",
    ),
    "own iterator": (
        "class Down:\n    def __init__(s,n): s.n=n\n    def __iter__(s): return s\n    def __next__(s):\n        if s.n<=0: raise StopIteration\n        s.n-=1\n        return s.n+1",
        "assert list(Down(3))==[3,2,1]",
        "d=Down(1)\nassert next(d)==1\ntry: next(d)\nexcept StopIteration: pass\nelse: assert False",
        "assert next(iter(Down(0)),None) is None",
        "assert sum(Down(4))==10",
        "a,*b=Down(3)\nassert b==[2,1]",
    ),
    "lazy": (
        "def f(xs): return map(str,xs)\ndef g(d): return d.items()\ndef z(a,b): return zip(a,b)\ndef e(a): return enumerate(a)\ndef r(a): return reversed(a)\ndef k(d): return d.keys()",
        'assert list(f([1,2]))==["1","2"]',
        "assert dict(g({1:2}))=={1:2} and sorted(g({1:2}))==[(1,2)]",
        'assert list(z([1],[2]))==[(1,2)] and list(e("a"))==[(0,"a")] and list(r([1,2]))==[2,1]',
        "assert k({1:2})=={1} and list(k({1:2}))==[1] and 1 in k({1:2})",
        "assert isinstance(f([]),map)",
    ),
    "large": (
        "def f(n): return list(range(n))\ndef g(xs): return sum(xs)\ndef h(n): return {i:str(i) for i in range(n)}\ndef i(n):\n    for k in range(n): yield k",
        "assert len(f(50000))==50000 and f(50000)[-1]==49999",
        "assert g(list(range(50000)))==1249975000",
        "assert len(h(20000))==20000",
        "assert sum(i(50000))==1249975000",
        "assert f(50000)==list(range(50000))",
    ),
    "printed": (
        'import sys\ndef f(): print("hi")\ndef g(): sys.stdout.write("x\\n"); print("e",file=sys.stderr)\ndef h(): print("a",end=""); return 3',
        'import io,contextlib\nb=io.StringIO()\nwith contextlib.redirect_stdout(b): f()\nassert b.getvalue()=="hi\\n"',
        'import sys\no=sys.stdout\nsys.stdout=io.StringIO()\ng()\nv=sys.stdout.getvalue()\nsys.stdout=o\nassert v=="x\\n"',
        'from unittest.mock import patch\nwith patch("sys.stdout",new_callable=io.StringIO) as m:\n    assert h()==3\n    assert m.getvalue()=="a"',
        'e=io.StringIO()\nwith contextlib.redirect_stderr(e): g()\nassert e.getvalue()=="e\\n"',
    ),
    "input": (
        'def f(): return int(input("n: "))+1\nimport sys\ndef g(): return sys.stdin.read()\ndef h(): return [l.strip() for l in sys.stdin]',
        'from unittest.mock import patch\nwith patch("builtins.input",return_value="4"): assert f()==5',
        'import io,sys\nsys.stdin=io.StringIO("7\\n")\nassert f()==8',
        'sys.stdin=io.StringIO("a\\nb")\nassert g()=="a\\nb"',
        'sys.stdin=io.StringIO("a\\nb")\nassert h()==["a","b"]',
    ),
    "big ints": (
        "def f(n): return 10**n\ndef g(x): return x+1\ndef d(n): return str(10**n)",
        "assert f(5000)==10**5000",
        "assert g(10**5000)==10**5000+1",
        f"assert f(10000) == 1{'0' * 10000}",
        "assert len(str(f(20000)))==20001",
        "assert d(6000)==str(10**6000)",
    ),
    "values": (
        "def f(x): return x",
        'import decimal,fractions,uuid,pathlib,collections,array,types\nfor v in (1,2.5,"x",None,True,[1],(1,[2]),{1:2},{1},frozenset({1}),1+2j,b"x",bytearray(b"y"),range(3),slice(1,2),...,NotImplemented,decimal.Decimal("1.5"),fractions.Fraction(1,3),uuid.UUID(int=5),pathlib.PurePosixPath("a/b"),collections.Counter("aab"),collections.OrderedDict(a=1),collections.deque([1],3),array.array("i",[1,2]),types.SimpleNamespace(a=1),float("inf"),-0.0,int,str,ValueError,len,"\\ud800","\\x00"):\n    r=f(v)\n    assert r==v and type(r) is type(v),(v,r)',
    ),
    "defaultdict": (
        "from collections import defaultdict\ndef f(xs):\n    d=defaultdict(list)\n    for x in xs: d[len(x)].append(x)\n    return d",
        'd=f(["a","bb","c"])\nassert d=={1:["a","c"],2:["bb"]} and d[7]==[] and d.default_factory is list',
    ),
    "deep": (
        'def f(n):\n    x=[]\n    for _ in range(n): x=[x]\n    return x\ndef t(n):\n    x=()\n    for _ in range(n): x=(x,)\n    return x\ndef d(n):\n    x={}\n    for _ in range(n): x={"a":x}\n    return x',
        "def g(n):\n    x=[]\n    for _ in range(n): x=[x]\n    return x\nassert f(100)==g(100) and f(400)==g(400)",
        "def u(n):\n    x=()\n    for _ in range(n): x=(x,)\n    return x\nassert t(300)==u(300)",
        'def e(n):\n    x={}\n    for _ in range(n): x={"a":x}\n    return x\nassert d(200)==e(200)',
    ),
    "cycle": (
        "def f():\n    a=[1]\n    a.append(a)\n    return a",
        "a=f()\nassert a[0]==1 and a[1] is a",
    ),
    "subclass builtin": (
        'class L(list):\n    def total(s): return sum(s)\nclass D(dict):\n    def __missing__(s,k): return k*2\nclass I(int):\n    def __add__(s,o): return I(int(s)+int(o)+1)\nclass S(str):\n    def shout(s): return s.upper()+"!"',
        "l=L([1,2])\nassert l.total()==3 and l==[1,2] and len(l)==2 and isinstance(l,list)",
        "l.append(5)\nassert l==[1,2,5] and l[-1]==5 and list(l)==[1,2,5] and 5 in l",
        'd=D(a=1)\nassert d["a"]==1 and d["zz"]=="zzzz" and d=={"a":1} and dict(d)=={"a":1}',
        "assert I(2)+3==6 and I(2)==2",
        'assert S("a").shout()=="A!" and S("a")=="a" and S("ab")[0]=="a" and S("a")+"b"=="ab"',
    ),
    "abc": (
        'from abc import ABC,abstractmethod\nclass Shape(ABC):\n    @abstractmethod\n    def area(self): ...\n    def describe(self): return f"{type(self).__name__} {self.area()}"\nclass Sq(Shape):\n    def __init__(s,a): s.a=a\n    def area(s): return s.a**2',
        "try:\n    Shape()\nexcept TypeError: pass\nelse: assert False",
        'assert Sq(3).area()==9 and isinstance(Sq(1),Shape) and issubclass(Sq,Shape) and Sq(2).describe()=="Sq 4"',
        'class Circle(Shape):\n    def __init__(self,r): self.r=r\n    def area(self): return 3*self.r**2\nc=Circle(2)\nassert c.area()==12 and c.describe()=="Circle 12" and isinstance(c,Shape)',
        "class Bad(Shape): pass\ntry:\n    Bad()\nexcept TypeError: pass\nelse: assert False",
        "class Sq2(Sq):\n    def __init__(self,a):\n        super().__init__(a+1)\n    def area(self): return super().area()+1\nassert Sq2(2).area()==10",
    ),
    "inherit static": (
        'class A:\n    count=0\n    def __init__(s): A.count+=1\n    @classmethod\n    def make(cls): return cls()\n    @staticmethod\n    def two(): return 2\n    @property\n    def p(s): return s._p\n    @p.setter\n    def p(s,v):\n        if v<0: raise ValueError("neg")\n        s._p=v\nclass B(A):\n    def who(s): return "B"',
        "a=A.make()\nassert A.count==1 and A.two()==2 and a.two()==2",
        "a.p=3\nassert a.p==3\ntry:\n    a.p=-1\nexcept ValueError: pass\nelse: assert False",
        'b=B.make()\nassert type(b) is B and isinstance(b,A) and b.who()=="B" and A.count==2',
        "A.count=0\nassert A.count==0",
        'assert b.__class__.__name__=="B" and B.__mro__[1] is A',
    ),
    "singleton": (
        "class S:\n    _i=None\n    def __new__(c):\n        if c._i is None: c._i=super().__new__(c)\n        return c._i",
        "assert S() is S()",
    ),
    "getattr dyn": (
        'class A:\n    def __getattr__(s,n):\n        if n.startswith("x"): return n*2\n        raise AttributeError(n)\n    def __setitem__(s,k,v): s.__dict__[k]=v\n    def __getitem__(s,k): return s.__dict__[k]\n    def __delitem__(s,k): del s.__dict__[k]',
        'a=A()\nassert a.x1=="x1x1" and not hasattr(a,"y")',
        'a["k"]=[1]\nassert a["k"]==[1]\ndel a["k"]\ntry:\n    a["k"]\nexcept KeyError: pass\nelse: assert False',
    ),
    "async": (
        "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x+1\ndef g(): return asyncio.run(f(1))\nasync def sl(): \n    await asyncio.sleep(0.01)\n    return 5\ndef h(): return asyncio.run(sl())",
        "assert g()==2",
        "assert h()==5",
        "import asyncio\nassert asyncio.run(f(2))==3",
    ),
    "threads": (
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\nclass C:\n    def __init__(s): s.n=0; s.l=threading.Lock()\n    def inc(s):\n        with s.l: s.n+=1\ndef par(f,xs):\n    with ThreadPoolExecutor(4) as p: return list(p.map(f,xs))",
        "c=C()\nimport threading\nts=[threading.Thread(target=c.inc) for _ in range(10)]\n[t.start() for t in ts]\n[t.join() for t in ts]\nassert c.n==10",
        "assert par(lambda x:x*2,range(10))==[x*2 for x in range(10)]",
    ),
    "typing": (
        'from typing import Generic,TypeVar,Optional,List\nT=TypeVar("T")\nclass Box(Generic[T]):\n    def __init__(s,v:T): s.v=v\n    def get(s)->T: return s.v\ndef f(x:Optional[int]=None)->List[int]: return [x or 0]',
        "assert Box(3).get()==3 and Box[int](4).get()==4",
        "assert f()==[0]",
        'import inspect\nassert f.__annotations__["return"] is not None',
        'assert list(inspect.signature(f).parameters)==["x"]',
    ),
    "callable class": (
        "class Adder:\n    def __init__(s,n): s.n=n\n    def __call__(s,x): return x+s.n",
        "assert Adder(2)(3)==5 and callable(Adder(2)) and list(map(Adder(1),[1,2]))==[2,3]",
    ),
    "dict of fns": (
        'OPS={"+":lambda a,b:a+b}\ndef get(n): return OPS[n]',
        'assert OPS["+"](1,2)==3 and get("+")(3,4)==7',
    ),
    "unhashable": (
        "class A:\n    def __eq__(s,o): return True if isinstance(o,A) else NotImplemented",
        "try:\n    {A()}\nexcept TypeError: pass\nelse: assert False",
    ),
    "none": (
        "def f(): pass",
        "assert f() is None",
    ),
    "global f alias": (
        "from math import sqrt as root\nbest=max\nimport math",
        "assert root(4)==2 and best([1,3])==3 and math.floor(2.5)==2",
    ),
    "unittest style": (
        "def add(a,b): return a+b",
        'import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(add(1,2),3)\n    def test_b(self):\n        with self.assertRaises(TypeError): add(1,"a")\nr=unittest.TestResult()\nunittest.defaultTestLoader.loadTestsFromTestCase(T).run(r)\nassert r.wasSuccessful() and r.testsRun==2',
    ),
    "mock": (
        'def notify(svc,u): svc.send(u,"hi"); return svc.count\ndef twice(f): f(1); f(2)',
        'from unittest.mock import Mock,call\nm=Mock(count=5)\nassert notify(m,"bob")==5\nm.send.assert_called_once_with("bob","hi")',
        "k=Mock()\ntwice(k)\nassert k.call_args_list==[call(1),call(2)]",
    ),
    "stringio arg": (
        'def w(f): f.write("a"); print("b",file=f)\ndef r(f): return [l.strip() for l in f]',
        'import io\nb=io.StringIO()\nw(b)\nassert b.getvalue()=="ab\\n"',
        'assert r(io.StringIO("x\\ny\\n"))==["x","y"]',
    ),
    "lru": (
        "import functools\n@functools.lru_cache(None)\ndef fib(n): return n if n<2 else fib(n-1)+fib(n-2)",
        "assert fib(80)==23416728348467685 and fib.cache_info().misses==81",
        "fib.cache_clear()",
    ),
    "matrix": (
        "class M:\n    def __init__(s,r): s.r=[list(x) for x in r]\n    def __matmul__(s,o): return M([[sum(a*b for a,b in zip(x,c)) for c in zip(*o.r)] for x in s.r])\n    def __eq__(s,o): return s.r==o.r\n    def __getitem__(s,ij): return s.r[ij[0]][ij[1]]\n    def __setitem__(s,ij,v): s.r[ij[0]][ij[1]]=v",
        "assert M([[1,2],[3,4]])@M([[1,0],[0,1]])==M([[1,2],[3,4]])",
        "m=M([[1,2]])\nm[0,1]=9\nassert m[0,1]==9 and m.r==[[1,9]]",
    ),
    "iterable class in plain fn": (
        "class R:\n    def __init__(s,*a): s.a=a\n    def __iter__(s): return iter(s.a)",
        'assert sorted(R(3,1,2))==[1,2,3] and set(R(1,1))=={1} and ",".join(R("a","b"))=="a,b" and sum(R(1,2))==3 and max(R(1,5))==5 and dict(R((1,2)))=={1:2}',
    ),
    "str format": (
        'class T:\n    def __format__(s,spec): return f"<{spec}>"\n    def __str__(s): return "T!"\n    def __len__(s): return 3\n    def __int__(s): return 5\n    def __float__(s): return 2.5\n    def __index__(s): return 1\n    def __round__(s,n=None): return 7\n    def __bytes__(s): return b"x"',
        't=T()\nassert f"{t:>3}"=="<>3>" and str(t)=="T!" and "%s"%t=="T!" and len(t)==3 and int(t)==5 and float(t)==2.5 and [5,6][t]==6 and round(t)==7 and bytes(t)==b"x"',
        "import math\nassert math.sqrt(T())==2.5**.5",
    ),
    "polynomial eq plain attr": (
        'class F:\n    def __init__(s,a,b):\n        from math import gcd\n        g=gcd(a,b); s.n,s.d=a//g,b//g\n    def __add__(s,o): return F(s.n*o.d+o.n*s.d,s.d*o.d)\n    def __eq__(s,o): return s.n*o.d==o.n*s.d\n    def __str__(s): return f"{s.n}/{s.d}"',
        'assert str(F(1,2)+F(1,3))=="5/6" and F(2,4)==F(1,2)',
    ),
    "event emitter": (
        "class E:\n    def __init__(s): s.h={}\n    def on(s,n,f): s.h.setdefault(n,[]).append(f)\n    def emit(s,n,*a):\n        for f in s.h.get(n,[]): f(*a)",
        'e=E()\ngot=[]\ne.on("x",lambda v: got.append(v))\ne.emit("x",5)\nassert got==[5]',
        'assert len(e.h["x"])==1',
    ),
    "lru class": (
        "from collections import OrderedDict\nclass LRU:\n    def __init__(s,c): s.c=c; s.d=OrderedDict()\n    def get(s,k):\n        if k not in s.d: return -1\n        s.d.move_to_end(k); return s.d[k]\n    def put(s,k,v):\n        s.d[k]=v; s.d.move_to_end(k)\n        if len(s.d)>s.c: s.d.popitem(last=False)",
        "c=LRU(2)\nc.put(1,1)\nc.put(2,2)\nassert c.get(1)==1\nc.put(3,3)\nassert c.get(2)==-1 and c.get(3)==3",
        "assert list(c.d)==[1,3]",
    ),
    "frozen set of own": (
        "class P:\n    def __init__(s,n): s.n=n\n    def __eq__(s,o): return s.n==o.n\n    def __hash__(s): return hash(s.n)\ndef uniq(xs): return set(xs)",
        "assert uniq([P(1),P(1),P(2)])=={P(1),P(2)}",
        "assert frozenset([P(1)])==frozenset([P(1)])",
    ),
    "timing": (
        "import time\ndef f(): time.sleep(0.01); return time.time()>0",
        "assert f()",
    ),
    "random seeded inside": (
        "import random\ndef f(s): random.seed(s); return random.randint(1,100)",
        "assert f(1)==f(1)",
    ),
    "re": (
        'import re\ndef f(s): return re.match(r"(\\w+) (\\d+)",s)\nPAT=re.compile("a+")',
        'm=f("ab 12")\nassert m.group(1)=="ab" and m.groups()==("ab","12") and m[2]=="12" and m.start()==0',
        'assert f("x") is None',
        'assert PAT.findall("aab")==["aa"]',
        'import re\nassert isinstance(f("a 1"),re.Match)',
    ),
    "gen in": (
        "def tot(it): return sum(it)\ndef take(it,n):\n    r=[]\n    for x in it:\n        r.append(x)\n        if len(r)==n: break\n    return r",
        "assert tot(x for x in range(5))==10",
        "import itertools\nassert take(itertools.count(),3)==[0,1,2]",
        "def g():\n    n=0\n    while True:\n        yield n; n+=1\nassert take(g(),100)==list(range(100))",
        "assert tot(iter([1,2]))==3",
        'assert tot(map(int,"123"))==6',
        "assert tot(range(300000))==44999850000",
        "assert take(open,0) is None if False else True",
    ),
    "class in": (
        "def mk(c,*a): return c(*a)\ndef isit(x,c): return isinstance(x,c)",
        'assert mk(int,"5")==5 and mk(list,"ab")==["a","b"] and mk(dict)=={}',
        "class N:\n    def __init__(s,v): s.v=v\nassert mk(N,3).v==3 and isinstance(mk(N,3),N)",
        "assert isit(N(1),N) and not isit(3,N) and isit(3,int)",
        'assert mk(ValueError,"x").args==("x",)',
    ),
    "total ordering": (
        "import functools\n@functools.total_ordering\nclass A:\n    def __init__(s,v): s.v=v\n    def __eq__(s,o): return s.v==o.v\n    def __lt__(s,o): return s.v<o.v",
        "assert A(1)<=A(1) and A(2)>A(1) and A(1)<A(2)<A(3) and sorted([A(3),A(1)])[0].v==1 and min(A(2),A(1)).v==1",
    ),
    "cached property": (
        "import functools\nclass A:\n    n=0\n    @functools.cached_property\n    def x(s):\n        A.n+=1\n        return 5",
        "a=A()\nassert a.x==5 and a.x==5 and A.n==1",
    ),
    "userdict": (
        "import collections\nclass D(collections.UserDict):\n    def __setitem__(s,k,v): super().__setitem__(k.lower(),v)\nclass L(collections.UserList):\n    pass\nfrom collections.abc import MutableMapping,Set,Sequence\nclass M(MutableMapping):\n    def __init__(s): s.d={}\n    def __getitem__(s,k): return s.d[k]\n    def __setitem__(s,k,v): s.d[k]=v\n    def __delitem__(s,k): del s.d[k]\n    def __iter__(s): return iter(s.d)\n    def __len__(s): return len(s.d)",
        'd=D()\nd["A"]=1\nassert d["a"]==1 and dict(d)=={"a":1} and "a" in d and len(d)==1 and list(d.items())==[("a",1)] and d.get("z") is None',
        'assert d=={"a":1}',
        "l=L([1,2])\nassert l==[1,2] and l[0]==1 and l+[3]==[1,2,3]",
        'm=M()\nm["x"]=1\nfrom collections.abc import Mapping\nassert isinstance(m,Mapping) and m=={"x":1} and dict(m)=={"x":1} and m.pop("x")==1 and len(m)==0',
    ),
    "nested class": (
        "class O:\n    class I:\n        def f(s): return 5\n    K=3",
        "assert O.I().f()==5 and O.K==3",
    ),
    "slots": (
        'class A:\n    __slots__=("x",)\n    def __init__(s): s.x=1',
        "a=A()\na.x=2\nassert a.x==2\ntry: a.y=3\nexcept AttributeError: pass\nelse: assert False",
    ),
    "slices": (
        "class A:\n    def __init__(s,x): s.x=list(x)\n    def __getitem__(s,i): return A(s.x[i]) if isinstance(i,slice) else s.x[i]\n    def __setitem__(s,i,v): s.x[i]=v\n    def __delitem__(s,i): del s.x[i]\n    def __len__(s): return len(s.x)",
        "a=A([1,2,3])\nassert a[1:].x==[2,3] and a[-1]==3 and list(a)==[1,2,3]",
        "a[0]+=5\nassert a[0]==6",
        "del a[0]\nassert len(a)==2 and list(reversed(a))==[3,2]",
    ),
    "descr": (
        'class Pos:\n    def __set_name__(s,o,n): s.n="_"+n\n    def __get__(s,i,o): return getattr(i,s.n,0)\n    def __set__(s,i,v):\n        if v<0: raise ValueError("neg")\n        setattr(i,s.n,v)\nclass A:\n    x=Pos()',
        'a=A()\na.x=3\nassert a.x==3\ntry: a.x=-1\nexcept ValueError as e: assert "neg" in str(e)\nelse: assert False',
    ),
    "metaclass singleton": (
        "class M(type):\n    _i={}\n    def __call__(c,*a):\n        if c not in c._i: c._i[c]=super().__call__(*a)\n        return c._i[c]\nclass A(metaclass=M):\n    def __init__(s,v): s.v=v",
        "assert A(1) is A(2) and A(3).v==1",
    ),
    "registry": (
        'REG={}\ndef reg(n):\n    def d(f):\n        REG[n]=f\n        return f\n    return d\n@reg("a")\ndef fa(): return 1',
        'assert REG["a"]()==1 and list(REG)==["a"]',
        '@reg("b")\ndef fb(): return 2\nassert REG["b"]()==2 and fb()==2 and REG["b"] is fb',
    ),
    "protocol": (
        "from typing import Protocol,runtime_checkable\n@runtime_checkable\nclass P(Protocol):\n    def go(s): ...\nclass A:\n    def go(s): return 1\nclass B: pass",
        "assert isinstance(A(),P) and not isinstance(B(),P)",
    ),
    "init_subclass": (
        "class Base:\n    subs=[]\n    def __init_subclass__(c,**k):\n        super().__init_subclass__(**k)\n        Base.subs.append(c.__name__)\nclass A(Base): pass",
        'assert Base.subs==["A"]',
        'class T(Base):\n    def hi(self): return "t"\nassert Base.subs==["A","T"] and T().hi()=="t"',
    ),
    "recursion error": (
        "def f(n): return f(n+1)",
        "try: f(0)\nexcept RecursionError: pass\nelse: assert False",
    ),
    "kw": (
        "def f(a,/,b,*args,c=3,**k): return (a,b,args,c,k)",
        'assert f(1,2,3,c=4,d=5)==(1,2,(3,),4,{"d":5}) and f(1,b=2)==(1,2,(),3,{})',
        "try: f()\nexcept TypeError: pass\nelse: assert False",
        'a=[1]\nassert f(*[1,2],**{"c":9})[3]==9',
    ),
    "nested default": (
        'from collections import defaultdict\ndef f():\n    d=defaultdict(lambda: defaultdict(int))\n    d["a"]["b"]+=1\n    return d',
        'd=f()\nassert d=={"a":{"b":1}} and d["x"]["y"]==0',
        'd["x"]["y"]+=2\nassert d["x"]=={"y":2}',
    ),
    "itertools": (
        'import itertools\ndef f(x): return itertools.permutations(x,2)\ndef g(*a): return itertools.chain(*a)\ndef h(): return itertools.cycle("ab")\ndef gb(x): return itertools.groupby(x)',
        'assert len(list(f("abc")))==6 and list(g([1],[2]))==[1,2]',
        'import itertools\nassert list(itertools.islice(h(),5))==list("ababa")',
        'assert [(k,list(v)) for k,v in gb("aab")]==[("a",["a","a"]),("b",["b"])]',
    ),
    "graph": (
        "class G:\n    def __init__(s): s.adj={}\n    def edge(s,a,b): s.adj.setdefault(a,set()).add(b); s.adj.setdefault(b,set()).add(a)\n    def bfs(s,r):\n        seen=[r];q=[r]\n        while q:\n            n=q.pop(0)\n            for m in sorted(s.adj[n]):\n                if m not in seen: seen.append(m);q.append(m)\n        return seen",
        "g=G()\ng.edge(1,2)\ng.edge(1,3)\nassert g.bfs(1)==[1,2,3] and g.adj=={1:{2,3},2:{1},3:{1}}",
        "g.adj[3].add(4)\ng.adj[4]={3}\nassert g.bfs(1)==[1,2,3,4]",
    ),
    "json obj": (
        "import json\nclass E(json.JSONEncoder):\n    def default(s,o): return str(o)\ndef f(x): return json.dumps(x,cls=E)",
        'assert f({"a":1})=="{\\"a\\": 1}"',
    ),
    "multi exc": (
        'class A(ValueError): pass\nclass B(A,KeyError): pass\ndef f(k):\n    if k: raise B("x")\n    raise A("y",2)',
        "try: f(1)\nexcept KeyError as e: assert isinstance(e,A)\nelse: assert False",
        'try: f(0)\nexcept ValueError as e: assert e.args==("y",2)\nelse: assert False',
        'try:\n    try: f(0)\n    except A: raise RuntimeError("z")\nexcept RuntimeError as e: assert isinstance(e.__context__,A)',
        "try: f(0)\nexcept (TypeError,A) as e: assert repr(e)==\"A('y', 2)\"",
        "assert True or f",
    ),
    "attribute over a method": (
        "class A:\n    def __init__(s,n=None):\n        if n: s.size=n\n    def size(s): return 1\n    def add(s,x): return x+1",
        "a,b,c=A(),A(5),A(6)\nassert a.size()==1 and a.size()==1 and b.size==5 and b.size+1==6 and 'n'*c.size=='n'*6 and [b.size,c.size]==[5,6]",
        "assert a.add(1)==2 and list(map(a.add,[1,2]))==[2,3] and a.add.__name__=='add' and a.add==a.add and a.size!=b.size",
        "m=a.add\nassert m(4)==5 and callable(m) and {m:1}[a.add]==1 and str(b.size)=='5' and f'{b.size}'=='5' and bool(c.size)",
        "def use(f): return f(3)\nassert use(a.add)==4 and A.add(a,1)==2",
    ),
    "exc group": (
        'def f(): raise ExceptionGroup("g",[ValueError(1),TypeError(2)])',
        "try: f()\nexcept* ValueError as e: assert e.exceptions[0].args==(1,)\nexcept* TypeError: pass\nelse: assert False",
        'try: f()\nexcept ExceptionGroup as e: assert len(e.exceptions)==2 and e.message=="g"\nelse: assert False',
    ),
    "lib exc": (
        'import queue,struct,statistics,zlib,binascii,sqlite3\ndef f(k):\n    if k==0: queue.Queue().get_nowait()\n    if k==1: struct.unpack("i",b"")\n    if k==2: statistics.mean([])\n    if k==3: zlib.decompress(b"x")\n    if k==4: binascii.unhexlify("z")\n    if k==5: sqlite3.connect(":memory:").execute("bad")',
        "import queue,struct,statistics,zlib,binascii,sqlite3\nfor k,E in enumerate([queue.Empty,struct.error,statistics.StatisticsError,zlib.error,binascii.Error,sqlite3.OperationalError]):\n    try: f(k)\n    except E: pass\n    else: assert False",
    ),
    "fluent": (
        "class Q:\n    def __init__(s): s.p=[]\n    def where(s,f): s.p.append(f); return s\n    def run(s,xs): return [x for x in xs if all(f(x) for f in s.p)]",
        "assert Q().where(lambda x:x>1).where(lambda x:x%2==0).run(range(6))==[2,4]",
        "q=Q()\nassert q.where(bool) is q",
    ),
    "pipeline": (
        "def pipe(*fs):\n    def g(x):\n        for f in fs: x=f(x)\n        return x\n    return g",
        "assert pipe(str,len,lambda n:n*2)(1234)==8",
        "assert pipe()(3)==3",
    ),
    "cb generator": (
        "def f(g): return list(g())",
        "def g():\n    yield 1\n    yield 2\nassert f(g)==[1,2]",
    ),
    "cb returns closure": (
        "def f(mk): return mk(3)(4)",
        "assert f(lambda a: lambda b: a*b)==12",
    ),
    "retry": (
        "def retry(n):\n    def d(f):\n        def g(*a):\n            for i in range(n):\n                try: return f(*a)\n                except ValueError:\n                    if i==n-1: raise\n        return g\n    return d",
        'calls=[]\n@retry(3)\ndef flaky():\n    calls.append(1)\n    if len(calls)<3: raise ValueError("no")\n    return "ok"\nassert flaky()=="ok" and len(calls)==3',
        '@retry(2)\ndef bad(): raise ValueError("always")\ntry: bad()\nexcept ValueError as e: assert str(e)=="always"\nelse: assert False',
    ),
    "observer": (
        "class S:\n    def __init__(s): s.o=[]\n    def attach(s,o): s.o.append(o)\n    def notify(s,v):\n        for o in s.o: o.update(v)",
        "class Obs:\n    def __init__(self): self.got=[]\n    def update(self,v): self.got.append(v)\no=Obs()\ns_=S()\ns_.attach(o)\ns_.notify(5)\nassert o.got==[5] and s_.o[0] is o",
    ),
    "iter protocol both": (
        "class It:\n    def __init__(s,d): s.d=d\n    def __iter__(s): return s.gen()\n    def gen(s):\n        for x in s.d: yield x*2",
        "assert list(It([1,2]))==[2,4] and list(It(x for x in [3]))==[6]",
    ),
    "str enum": (
        "from enum import Enum,auto\nclass T(Enum):\n    A=auto()\n    B=auto()\n    def nxt(s): return T((s.value%len(T))+1)\n    @classmethod\n    def default(c): return c.A",
        "assert T.A.nxt() is T.B and T.default() is T.A and [t.value for t in T]==[1,2]",
        'assert list(T.__members__)==["A","B"]',
        'd={T.A:"a",T.B:"b"}\nassert d[T.A.nxt()]=="b"',
        "assert T.A!=T.B and T.A in (T.A,) and T.A in list(T)",
    ),
    "dc advanced": (
        'from dataclasses import dataclass,field,InitVar\nfrom typing import List,Optional,ClassVar\n@dataclass\nclass N:\n    v:int\n    kids:List["N"]=field(default_factory=list)\n    C:ClassVar[int]=7\n    def total(s): return s.v+sum(k.total() for k in s.kids)\n    def __post_init__(s):\n        if s.v<0: raise ValueError("neg")',
        "t=N(1,[N(2),N(3,[N(4)])])\nassert t.total()==10 and t==N(1,[N(2),N(3,[N(4)])]) and N.C==7",
        'assert repr(N(1))=="N(v=1, kids=[])"',
        "try: N(-1)\nexcept ValueError: pass\nelse: assert False",
        "t.kids[0].v=20\nassert t.total()==28",
        "t.kids.append(N(100))\nassert t.total()==128 and t!=N(1)",
    ),
    "date extra": (
        "from datetime import datetime,date,timedelta,time,timezone\ndef age(b,t): return t.year-b.year-((t.month,t.day)<(b.month,b.day))\ndef wk(d): return d+timedelta(weeks=1)\ndef tz(h): return timezone(timedelta(hours=h))\ndef days(a,b): return (b-a).days\ndef rng(a,n): return [a+timedelta(days=i) for i in range(n)]",
        "from datetime import *\nassert age(date(2000,5,1),date(2020,4,30))==19 and wk(datetime(2020,1,1,5))==datetime(2020,1,8,5) and days(date(2020,1,1),date(2020,3,1))==60",
        "assert tz(2)==timezone(timedelta(hours=2)) and datetime(2020,1,1,tzinfo=tz(1)).utcoffset()==timedelta(hours=1)",
        "assert rng(date(2020,2,28),3)[-1]==date(2020,3,1)",
        "assert time(3,4)==time(3,4)",
    ),
    "print variants": (
        'import sys,pprint\ndef a(): print(1,2,sep="-",end="!\\n")\ndef b(xs):\n    for x in xs: print(x)\ndef c(): sys.stdout.write("w"); return 5\ndef d(): pprint.pprint({"a":1})\ndef e(f): f("cb")',
        'import io,contextlib\ndef cap(f,*x):\n    o=io.StringIO()\n    with contextlib.redirect_stdout(o): f(*x)\n    return o.getvalue()\nassert cap(a)=="1-2!\\n" and cap(b,[1,2])=="1\\n2\\n" and cap(c)=="w" and cap(d)=="{\'a\': 1}\\n" and cap(e,print)=="cb\\n"',
        'o=io.StringIO()\nwith contextlib.redirect_stdout(o):\n    print("before")\n    a()\n    print("after")\nassert o.getvalue()=="before\\n1-2!\\nafter\\n"',
    ),
    "class main": (
        'class Account:\n    """An account."""\n    rate=0.1\n    def __init__(self,owner,balance=0):\n        self.owner=owner\n        self._balance=balance\n    @property\n    def balance(self): return self._balance\n    def deposit(self,n):\n        if n<=0: raise ValueError("Deposit must be positive")\n        self._balance+=n\n        return self\n    def __str__(self): return f"{self.owner}: {self._balance:.2f}"\n    def __eq__(self,o): return isinstance(o,Account) and self.owner==o.owner\n    def __hash__(self): return hash(self.owner)',
        'a=Account("Bob",5)\nassert a.balance==5 and str(a)=="Bob: 5.00" and a.deposit(3) is a and a.balance==8',
        "try: a.balance=3\nexcept AttributeError: pass\nelse: assert False",
        'try: a.deposit(-1)\nexcept ValueError as e: assert str(e)=="Deposit must be positive"\nelse: assert False',
        'assert Account.__doc__=="An account." and a.rate==0.1 and Account.rate==0.1',
        'assert a._balance==8 and a.__dict__=={"owner":"Bob","_balance":8}',
        'assert a==Account("Bob") and a!=Account("Al") and {a:1}[Account("Bob")]==1',
        "import copy\nb=copy.deepcopy(a)\nb.deposit(1)\nassert a.balance==8 and b.balance==9",
        'accounts=[Account(n,i) for i,n in enumerate("abc")]\nassert [x.owner for x in sorted(accounts,key=lambda x:-x.balance)]==["c","b","a"]',
        'assert max(accounts,key=lambda x:x.balance).owner=="c" and sum(x.balance for x in accounts)==3',
    ),
    "complex ops": (
        "class C:\n    def __init__(s,r,i=0): s.r,s.i=r,i\n    def __add__(s,o):\n        o=o if isinstance(o,C) else C(o)\n        return C(s.r+o.r,s.i+o.i)\n    __radd__=__add__\n    def __sub__(s,o):\n        o=o if isinstance(o,C) else C(o)\n        return C(s.r-o.r,s.i-o.i)\n    def __rsub__(s,o): return C(o)-s\n    def __pow__(s,n):\n        r=C(1)\n        for _ in range(n): r=r*s\n        return r\n    def __mul__(s,o):\n        o=o if isinstance(o,C) else C(o)\n        return C(s.r*o.r-s.i*o.i,s.r*o.i+s.i*o.r)\n    def __eq__(s,o): return s.r==o.r and s.i==o.i\n    def __abs__(s): return (s.r**2+s.i**2)**.5\n    def __floordiv__(s,n): return C(s.r//n,s.i//n)\n    def __mod__(s,n): return C(s.r%n,s.i%n)\n    def __divmod__(s,n): return (s//n,s%n)\n    def __lshift__(s,n): return C(s.r<<n,s.i<<n)\n    def __and__(s,o): return C(s.r&o.r,s.i&o.i)\n    def __invert__(s): return C(s.r,-s.i)\n    def __pos__(s): return s",
        "assert C(1,2)+1==C(2,2) and 1+C(1,2)==C(2,2) and C(3,1)-1==C(2,1) and 5-C(1,1)==C(4,-1)",
        "assert C(0,1)**2==C(-1,0) and abs(C(3,4))==5.0 and C(7,8)//2==C(3,4) and C(7,8)%3==C(1,2) and C(1,2)<<1==C(2,4) and ~C(1,2)==C(1,-2) and +C(1)==C(1) and C(3,3)&C(1,2)==C(1,2)",
        "assert divmod(C(7,8),3)==(C(2,2),C(1,2))",
        "c=C(1)\nc+=2\nassert c==C(3)\nc-=1\nassert c==C(2)\nc*=C(0,1)\nassert c==C(0,2)",
        "assert sum([C(1),C(2)])==C(3)",
    ),
    "priority queue": (
        "import heapq\nclass PQ:\n    def __init__(s): s.h=[]\n    def push(s,p,x): heapq.heappush(s.h,(p,x))\n    def pop(s): return heapq.heappop(s.h)[1]\n    def __bool__(s): return bool(s.h)",
        'q=PQ()\nq.push(2,"b")\nq.push(1,"a")\nr=[]\nwhile q: r.append(q.pop())\nassert r==["a","b"]',
    ),
    "bytes": (
        'def f(b): return b[::-1]\ndef g(ba): ba.append(65); ba[0]=66\ndef h(): return memoryview(b"ab").tobytes()',
        'assert f(b"abc")==b"cba" and h()==b"ab"',
        'x=bytearray(b"a")\ng(x)\nassert x==b"BA"',
    ),
    "tests with helper fns": (
        "def solve(n): return [i*i for i in range(n)]",
        'def expect(n):\n    return [i**2 for i in range(n)]\nfor n in range(20):\n    assert solve(n)==expect(n), f"bad {n}"',
        "import random\nrandom.seed(3)\nfor _ in range(50):\n    n=random.randint(0,30)\n    assert solve(n)==expect(n)",
    ),
    "big loop": (
        "def f(x): return x%7",
        "assert sum(f(i) for i in range(1000))==sum(i%7 for i in range(1000))",
    ),
    "global state class": (
        "class Counter2:\n    total=0\n    def __init__(s): type(s).total+=1\n    def __del__(s): pass",
        "a=Counter2()\nb=Counter2()\nassert Counter2.total==2 and a.total==2",
    ),
    "var then fn same name": (
        "data=[3,1,2]\ndef get(): return data",
        "assert get()==[3,1,2] and get() is get()",
        "data_sorted=sorted(data)\nassert data_sorted==[1,2,3]",
        "get().append(5)\nassert data==[3,1,2,5]",
    ),
    "tuple subclass": (
        "class P(tuple):\n    def __new__(c,x,y): return super().__new__(c,(x,y))\n    @property\n    def x(s): return s[0]\n    def __add__(s,o): return P(s[0]+o[0],s[1]+o[1])",
        "assert P(1,2)==(1,2) and P(1,2).x==1 and P(1,2)+P(3,4)==(4,6) and P(1,2)+(1,1)==P(2,3) and hash(P(1,2))==hash((1,2)) and {(1,2):5}[P(1,2)]==5",
    ),
    "property chain": (
        'class A:\n    def __init__(s): s.b=B()\nclass B:\n    def __init__(s): s.c={"k":[1,2]}\n    def get(s): return s.c',
        'a=A()\nassert a.b.c["k"][1]==2 and a.b.get()["k"]==[1,2]',
        'a.b.c["k"].append(3)\na.b.c["z"]=0\nassert a.b.get()=={"k":[1,2,3],"z":0}',
    ),
    "setattr on fn": (
        "def f():\n    f.calls+=1\n    return f.calls\nf.calls=0",
        "assert f()==1 and f()==2 and f.calls==2",
        "f.calls=10\nassert f()==11",
    ),
    "async gen": (
        "import asyncio\nasync def ag(n):\n    for i in range(n):\n        yield i\n        await asyncio.sleep(0)\nclass AC:\n    async def __aenter__(s): return 5\n    async def __aexit__(s,*a): return False\nasync def gather(*f): return [await x() for x in f]",
        "import asyncio\nasync def main(): return [x async for x in ag(3)]\nassert asyncio.run(main())==[0,1,2]",
        "async def m2():\n    async with AC() as x: return x\nassert asyncio.run(m2())==5",
        "async def one(): return 1\nassert asyncio.run(gather(one,one))==[1,1]",
    ),
    "signatures": (
        "import functools\ndef f(a: int, b: list[int] = 1, *c, d: float = 2.5, **e) -> str: pass\nclass A:\n    def __init__(s, x: int): pass\n    def m(s, y: str = 'k'): pass\n"
        "@functools.wraps(f)\ndef g(*given): pass\ndef h(x: 'A'): pass",
        "import inspect\nassert str(inspect.signature(f)) == '(a: int, b: list[int] = 1, *c, d: float = 2.5, **e) -> str'",
        "assert str(inspect.signature(g)) == str(inspect.signature(f)) and str(inspect.signature(A)) == '(x: int)'",
        "assert list(inspect.signature(A(1).m).parameters) == ['y'] and inspect.signature(f).parameters['a'].annotation is int",
        "assert f.__annotations__['a'] is int and h.__annotations__ == {'x': 'A'}",
        "assert inspect.signature(f).bind(1, 2).arguments == {'a': 1, 'b': 2}",
    ),
}
"""Programs and tests that are right in one process, each a shape of its own."""


@pytest.mark.parametrize("name", sorted(SHAPES))
@pytest.mark.parametrize(
    "known", [pytest.param(False, marks=pytest.mark.slow), True], ids=["no reference", "reference"]
)
def test_a_right_program_passes(grader, name, known):
    program, *tests = SHAPES[name]
    about = Problem(name, "", solution=program if known else "", tests=tuple(tests))
    grade = grader.grade([(about, program)])[0]
    assert grade.correct, grade.reason


NOTHING = (
    "def {}(*given, **named): pass",
    "def {}(*given, **named): return lambda *given, **named: 7",
    "class {}: pass",
    "class {}(Exception): pass",
    "{} = None",
    "def {}(*given, **named): raise StopIteration",
    "def {}(*given, **named): raise AssertionError",
    "import os\ndef {}(*given, **named): os._exit(0)",
)
ANYTHING_GOES = {"none", "timing", "unhashable", "singleton", "random seeded inside"}
"""Shapes whose tests ask so little that nothing is an answer."""


@pytest.mark.parametrize("form", [NOTHING[0], *(pytest.param(form, marks=pytest.mark.slow) for form in NOTHING[1:])])
def test_nothing_passes_none_of_them(grader, form):
    jobs = []
    for name, (program, *tests) in SHAPES.items():
        names = names_of(program)
        assert names is not None
        garbage = "\n".join(form.format(defined) for defined in sorted(names.defined))
        jobs.append((Problem(name, "", solution=program, tests=tuple(tests)), garbage))
    grades = grader.grade(jobs)
    passed = {problem.id for (problem, _), grade in zip(jobs, grades, strict=True) if grade.correct}
    assert passed <= ANYTHING_GOES
    assert len(jobs) >= 110


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data are not there: {DATA}")
def test_the_shapes_that_others_wrote_down(grader):
    rows = [json.loads(line) for line in (DATA / "test_shapes.jsonl").read_text().splitlines()]
    assert len(rows) == 12
    for known in (False, True):
        jobs = [
            (Problem(r["task_id"], "", solution=r["code"] if known else "", tests=tuple(r["test_list"])), r["code"])
            for r in rows
        ]
        grades = grader.grade(jobs)
        assert [
            (problem.id, grade.reason) for (problem, _), grade in zip(jobs, grades, strict=True) if not grade.correct
        ] == []


SAID = {
    "a value of the test's compared by the program": (
        "class F:\n    def __init__(s, v): s.v = v\n    def __eq__(s, o): return s.v == getattr(o, 'v', o)",
        "assert F(2) == 2",
    ),
    "a frame": ("def f(frame): return frame.f_lineno > 0", "import sys\nassert f(sys._getframe())"),
    "a name set in the program from outside": ("LIMIT = 3\ndef f(): return LIMIT", "LIMIT = 5\nassert f() == 5"),
    "a random number of the test's seed": (
        "import random\ndef f(): return random.random()",
        "import random\nrandom.seed(1)\nassert f() == 0.13436424411240122",
    ),
    "the source of a function": (
        "def f(x): return x",
        "import inspect\ntry: found = inspect.getsource(f)\nexcept OSError: found = 'return x'\nassert 'return x' in found",
    ),
    "the class of a class": ("class M(type): pass\nclass A(metaclass=M): pass", "assert type(A) is M"),
    "a difference of a value of the test's": (
        "class M:\n    def __init__(s, v): s.v = v\n    def __sub__(s, o): return s.v - o",
        "assert M(5) - 2 == 3",
    ),
}


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_cannot_be_carried_is_said_of_the_reference_solution(grader, name):
    """Right programs that fail here: as the row's own solution does too, loading the data names it."""
    program, test = SAID[name]
    exec(f"{program}\n{test}", {})  # it is right
    grade = grader.grade([(Problem("", "", solution=program, tests=(test,)), program)])[0]
    assert not grade.correct
    assert grade.reason
