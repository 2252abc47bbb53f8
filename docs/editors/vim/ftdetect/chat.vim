" Transcripts of chat-conformance.
autocmd BufNewFile,BufRead *.chat setfiletype chat
