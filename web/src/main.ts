import { mount } from 'svelte'
import './ui/base.css'
import App from './App.svelte'
import { readBoot } from './boot.ts'

const target = document.getElementById('app')
if (!target) throw new Error('the page has no place for the app')
mount(App, { target, props: { boot: readBoot(document) } })
