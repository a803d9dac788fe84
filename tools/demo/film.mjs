/**
 * The film: takes of the screen, joined to a GIF. What happens between two takes is cut.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { ground, run } from './stage.mjs';

const framesPerSecond = 10;

export function createFilm({ display, width, height }) {
  const takes = [];
  let end;
  return {
    /** Starts a take; it has begun when this is done. */
    async roll() {
      const take = join(ground, `take-${takes.length}.mkv`);
      takes.push(take);
      const grab = ['-f', 'x11grab', '-framerate', framesPerSecond, '-draw_mouse', '0'];
      const input = ['-video_size', `${width}x${height}`, '-i', display];
      const output = ['-c:v', 'ffv1', '-progress', 'pipe:1', take];
      const words = ['-loglevel', 'error', ...grab, ...input, ...output].map(String);
      const camera = spawn('ffmpeg', words, { stdio: ['pipe', 'pipe', 'inherit'] });
      const ended = new Promise((resolve) => camera.once('close', resolve));
      await new Promise((resolve) => camera.stdout.once('data', resolve));
      camera.stdout.resume();
      end = () => {
        camera.stdin.end('q');
        return ended;
      };
    },
    /** Ends the take. */
    cut: () => end(),
    /** Joins the takes; gives the seconds it lasts. */
    develop(target) {
      const list = join(ground, 'takes');
      fs.writeFileSync(list, takes.map((take) => `file ${take}\n`).join(''));
      const ffmpeg = (...args) => run('ffmpeg', '-loglevel', 'error', ...args);
      const film = join(ground, 'film.mkv');
      ffmpeg('-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', film);
      const raw = join(ground, 'raw.gif');
      const palette = 'split[a][b];[a]palettegen=max_colors=128:reserve_transparent=0[p]';
      const use = '[b][p]paletteuse=dither=none:diff_mode=rectangle';
      ffmpeg('-i', film, '-filter_complex', `${palette};${use}`, '-loop', '0', raw);
      run('gifsicle', '-O3', '--no-warnings', raw, '-o', target);
      const show = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0'];
      return Number(run('ffprobe', ...show, film));
    },
  };
}
