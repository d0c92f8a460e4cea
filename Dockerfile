# The app on any machine with Docker:  docker build -t vit . && docker run --rm -p 7860:7860 vit
FROM python:3.11-slim

# The hub's folder is made here: a volume at a place that isn't there yet would belong to root.
RUN useradd --create-home --uid 1000 app && install --directory --owner=app --group=app /home/app/hub
WORKDIR /home/app/vit
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=app:app app.py LICENSE README.md ./
COPY --chown=app:app assets assets
COPY --chown=app:app vit vit

USER app
# Fewer heaps of the C library: threads come and go, and what they free goes back to the machine.
ENV PORT=7860 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 HF_HOME=/home/app/hub
EXPOSE 7860
VOLUME /home/app/hub
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD python -c "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"
# Ends on SIGTERM within ten seconds, which is as long as Docker waits.
CMD ["python", "app.py"]
