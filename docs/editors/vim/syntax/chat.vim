" Vim syntax file for transcripts of chat-conformance. The language: docs/language.md

if exists('b:current_syntax')
  finish
endif

" Where two groups begin at the same place, the later one wins.

" A step: an actor, a verb, and more words.
syntax match chatStep /^\s*[^# \t].*$/ contains=chatActor,chatPause,chatVerb,chatWord,chatName,chatKey,chatCount,chatString,chatSent,chatReceived
syntax match chatActor /^\s*\zs\l\+\ze\%(\s\|$\)/ contained
syntax match chatRole /^\s*\zs\%(server\|another\|client\|user\|terminal\)\ze\%(\s\|$\)/ contained containedin=chatStep
syntax match chatPause /^\s*\zs\d\+\ze\s/ contained

syntax match chatVerb /\s\zs\%(joins\|connects\|sends\|hears\|stops\|closes\|resets\|is\|prints\|starts\|ends\|grows\|types\|presses\|sees\|never\|pass\|passes\)\ze\%(\s\|$\)/ contained
syntax match chatWord /\s\zs\%(as\|at\|time\|times\|nothing\|reading\|disconnected\|interrupted\|terminated\|paused\|on\|its\|port\|server\|by\|most\|KiB\|MiB\|an\|a\|error\|notice\|gets\|second\|seconds\)\ze\%(\s\|$\)/ contained
syntax match chatName /\%(\sas\s\+\)\@<=[A-Za-z0-9_-]\+/ contained
syntax match chatKey /\s\zsCtrl-[CD]\ze\%(\s\|$\)/ contained
syntax match chatCount /\s\zs\d\+\ze\%(\s\|$\)/ contained

" Strings with escapes, and the places in an address.
syntax region chatString start=/"/ skip=/\\./ end=/"/ oneline contained contains=chatEscape,chatBadEscape,chatPlace
syntax match chatBadEscape /\\./ contained
syntax match chatEscape /\\\%([nrt0"\\]\|x\x\x\|u{\x\+}\)/ contained
syntax match chatPlace /{\%(host\|port\|unused\)}/ contained

" Lines that are sent and received: all that follows the arrow and one separator, without escapes.
syntax match chatSent /^\s*\S\+\s\+>\%(\s.*\)\?$/ contained contains=chatSpeaker,chatArrow
syntax match chatReceived /^\s*\S\+\s\+<\%(\s.*\)\?$/ contained contains=chatSpeaker,chatArrow,chatAnything
syntax match chatSpeaker /^\s*\zs\S\+/ contained
syntax match chatArrow /\%(^\s*\S\+\s\+\)\@<=[<>]/ contained
syntax match chatAnything /\s\zs\.\.\.$/ contained

" The head: a sentence, and the requirements.
syntax match chatCovers /^\s*covers\>.*$/ contains=chatCoversWord,chatId
syntax match chatCoversWord /^\s*\zscovers\>/ contained
syntax match chatId /\<\%([SCW]-\u\+\|P\)-[1-9]\d*\>/ contained
syntax match chatComment /^\s*#.*$/ contains=chatTodo,@Spell
syntax keyword chatTodo TODO FIXME contained

highlight default link chatComment Comment
highlight default link chatTodo Todo
highlight default link chatCoversWord PreProc
highlight default link chatId Constant
highlight default link chatActor Identifier
highlight default link chatSpeaker Identifier
highlight default link chatRole Type
highlight default link chatVerb Statement
highlight default link chatWord Keyword
highlight default link chatName Identifier
highlight default link chatKey Special
highlight default link chatCount Number
highlight default link chatPause Number
highlight default link chatArrow Operator
highlight default link chatSent String
highlight default link chatReceived String
highlight default link chatAnything Special
highlight default link chatString String
highlight default link chatEscape SpecialChar
highlight default link chatBadEscape Error
highlight default link chatPlace SpecialChar

let b:current_syntax = 'chat'
