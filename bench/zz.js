import { setUp } from './set-up.js'; import { takeTurns, time, formatRatio, formatTime, run } from './measure.js';
import * as fs from 'node:fs'; import {join} from 'node:path'; import {randomBytes} from 'node:crypto';
const undo=[]; try { const b=await setUp(undo);
const src=join(b.folder,'many'); for(let d=0;d<100;d++){fs.mkdirSync(join(src,'f'+d),{recursive:true});for(let f=0;f<100;f++)fs.writeFileSync(join(src,'f'+d,'g'+f),randomBytes(1024+f*37))}
const [plain,rr,ours]=b.variants; const D=plain.share; const log=b.account.home+'/log';
const bw=`bwrap --unshare-all --die-with-parent --new-session --ro-bind / / --dev-bind /dev/null /dev/null --bind ${D} ${D} rsync`;
const full=`--log-file=${log} --log-file-format='%o %l %b %n' --safe-links --chmod=Dug-s,D-t,Du+rwx,Do-w,Fug-s,F-t,Fo-w --drop-D`;
const v={plain:'rsync',log:`rsync --log-file=${log} --log-file-format='%o %l %b %n'`,dropD:'rsync --drop-D',safe:'rsync --safe-links',chmod:'rsync --chmod=Dug-s,D-t,Du+rwx,Do-w,Fug-s,F-t,Fo-w',confine:`rsync --confine-root=${D}`,bwrap:bw,allnobw:`rsync ${full} --confine-root=${D}`,allbw:`${bw} ${full} --confine-root=${D}`,allbwnoconf:`${bw} ${full}`};
const c=Object.values(v).map(p=>async()=>{fs.rmSync(D+'/many',{recursive:true,force:true});await run(['sync']);return time([...plain.rsync,'--rsync-path',p,'-a',src,plain.target])});
c.push(async()=>{fs.rmSync(ours.share+'/many',{recursive:true,force:true});await run(['sync']);return time([...ours.rsync,'-a',src,ours.target])});
c.push(async()=>{fs.rmSync(D+'/many',{recursive:true,force:true});await run(['sync']);return time([...plain.rsync,'-a',src,plain.target.replace(/:.*/,':plain')])});
const t=await takeTurns('x',9,c); [...Object.keys(v),'pysync','plainrel'].forEach((k,i)=>console.log(k.padEnd(12),formatTime(t[i]),formatRatio(t[i],t[0])));
} finally { for(const u of undo.reverse())u(); }
